#include "work_list.h"

#include <algorithm>

namespace lars {

WorkList::WorkList(std::span<const std::uint64_t> element_counts) {
  first_segment_.reserve(element_counts.size() + 1);
  first_element_.reserve(element_counts.size() + 1);
  constexpr std::uint64_t kSegment = kSegmentChunks * kChunk;
  std::uint64_t segments = 0;
  for (const std::uint64_t elements : element_counts) segments += (elements + kSegment - 1) / kSegment;
  segments_.reserve(segments);  // so that tensors beyond all memory fail now, and not when it is used up
  std::uint64_t in_unit = 0;    // elements of the unit being filled
  for (std::uint32_t parameter = 0; parameter < element_counts.size(); ++parameter) {
    const std::uint64_t elements = element_counts[parameter];
    for (std::uint64_t first = 0; first < elements; first += kSegment) {
      const std::uint64_t count = std::min(kSegment, elements - first);
      segments_.push_back({parameter, static_cast<std::uint32_t>(count), first});
      in_unit += count;
      if (in_unit >= kUnitElements) {
        units_.push_back(segments_.size());
        in_unit = 0;
      }
    }
    first_segment_.push_back(segments_.size());
    first_element_.push_back(first_element_.back() + elements);
  }
  if (units_.back() != segments_.size()) units_.push_back(segments_.size());
}

std::size_t WorkList::unit_of(std::size_t segment) const {
  const auto after = std::upper_bound(units_.begin(), units_.end(), segment);
  return static_cast<std::size_t>(after - units_.begin()) - 1;
}

std::size_t WorkList::unit_count(SegmentRange range) const {
  if (range.first == range.last) return 0;
  return unit_of(range.last - 1) - unit_of(range.first) + 1;
}

SegmentRange WorkList::unit(SegmentRange range, std::size_t index) const {
  const std::size_t unit = unit_of(range.first) + index;
  return {std::max(range.first, units_[unit]), std::min(range.last, units_[unit + 1])};
}

}  // namespace lars
