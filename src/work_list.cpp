#include "work_list.h"

#include <algorithm>

namespace lars {

WorkList::WorkList(std::span<const std::uint64_t> element_counts) {
  first_segment_.reserve(element_counts.size() + 1);
  first_slot_.reserve(element_counts.size() + 1);
  constexpr std::uint64_t kSegment = kSegmentChunks * kChunk;
  std::uint64_t slot = 0;
  for (std::uint32_t parameter = 0; parameter < element_counts.size(); ++parameter) {
    const std::uint64_t elements = element_counts[parameter];
    for (std::uint64_t first = 0; first < elements; first += kSegment) {
      const std::uint64_t count = std::min(kSegment, elements - first);
      segments_.push_back({parameter, first, count, slot});
      slot += (count + kChunk - 1) / kChunk;
    }
    first_segment_.push_back(segments_.size());
    first_slot_.push_back(slot);
  }
}

}  // namespace lars
