// All tensors cut in fixed chunks, and the chunks gathered in segments: what a step hands to the executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lars {

/// Elements in a chunk, the grid of every norm: a tensor is cut from its first element, the last chunk is
/// ragged. The grid is part of the arithmetic (docs/semantics.md): another size gives other bits.
inline constexpr std::uint64_t kChunk = 4096;

/// Chunks in a segment, at most: 64 Ki elements, enough to outweigh the cost of handing it out.
inline constexpr std::uint64_t kSegmentChunks = 16;

/// A run of whole chunks of one tensor.
struct Segment {
  std::uint32_t parameter;
  std::uint64_t first_element;
  std::uint64_t count;       // elements
  std::uint64_t first_slot;  // chunk c of the segment writes slot first_slot + c
};

class WorkList {
 public:
  WorkList() = default;
  explicit WorkList(std::span<const std::uint64_t> element_counts);

  /// The segments of parameters first to last - 1, in order.
  [[nodiscard]] std::span<const Segment> segments(std::uint32_t first, std::uint32_t last) const {
    return std::span(segments_).subspan(first_segment_[first], first_segment_[last] - first_segment_[first]);
  }

  [[nodiscard]] std::uint64_t first_slot(std::uint32_t parameter) const { return first_slot_[parameter]; }
  [[nodiscard]] std::uint64_t slot_count(std::uint32_t parameter) const {
    return first_slot_[parameter + 1] - first_slot_[parameter];
  }
  [[nodiscard]] std::uint64_t slot_count() const { return first_slot_.back(); }

 private:
  std::vector<Segment> segments_;
  std::vector<std::size_t> first_segment_ = {0};  // by parameter, and one past the last
  std::vector<std::uint64_t> first_slot_ = {0};   // likewise
};

}  // namespace lars
