// All tensors cut in fixed chunks, the chunks gathered in segments, and segments in units: what a step hands
// to the executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lars {

/// Elements in a chunk, the grid of every norm: a tensor is cut from its first element, the last chunk is
/// ragged. The grid is part of the arithmetic (docs/semantics.md): another size gives other bits.
inline constexpr std::uint64_t kChunk = 4096;

/// Chunks in a segment, but for a tensor's last. A power of two, so that the sum of a segment is a whole
/// subtree of the sum of its tensor, and can be added up by whoever has the segment. 64 Ki elements outweigh
/// the cost of handing them out.
inline constexpr std::uint64_t kSegmentChunks = 16;

/// Elements in a unit, at least, but for the last: segments of small tensors share one.
inline constexpr std::uint64_t kUnitElements = std::uint64_t{32} * 1024;

/// A run of whole chunks of one tensor. Its sums have the slot with the segment's own index.
struct Segment {
  std::uint32_t parameter;
  std::uint32_t count;  // elements
  std::uint64_t first_element;
};

/// Segments first to last - 1.
struct SegmentRange {
  std::size_t first;
  std::size_t last;
};

class WorkList {
 public:
  WorkList() = default;
  explicit WorkList(std::span<const std::uint64_t> element_counts);

  [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }
  [[nodiscard]] const Segment& segment(std::size_t index) const { return segments_[index]; }

  /// The segments of parameters first to last - 1.
  [[nodiscard]] SegmentRange segments(std::uint32_t first, std::uint32_t last) const {
    return {first_segment_[first], first_segment_[last]};
  }

  /// The units that the range touches, cut to it: unit_count of them, in the order of their segments.
  [[nodiscard]] std::size_t unit_count(SegmentRange range) const;
  [[nodiscard]] SegmentRange unit(SegmentRange range, std::size_t index) const;

  /// Elements in parameters first to last - 1.
  [[nodiscard]] std::uint64_t elements(std::uint32_t first, std::uint32_t last) const {
    return first_element_[last] - first_element_[first];
  }

 private:
  [[nodiscard]] std::size_t unit_of(std::size_t segment) const;

  std::vector<Segment> segments_;
  std::vector<std::size_t> units_ = {0};            // first segment of every unit, and one past the last
  std::vector<std::size_t> first_segment_ = {0};    // by parameter, and one past the last
  std::vector<std::uint64_t> first_element_ = {0};  // likewise, counting through all parameters
};

}  // namespace lars
