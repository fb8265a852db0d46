#include "work_list.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

namespace {

using lars::kChunk;
using lars::kSegmentChunks;
using lars::kUnitElements;
using lars::SegmentRange;
using lars::WorkList;

TEST(WorkList, CoversEveryElementOnceOnTheChunkGrid) {
  const std::vector<std::uint64_t> counts = {
      0, 1, kChunk - 1, kChunk, kChunk + 1, 0, kSegmentChunks * kChunk, kSegmentChunks * kChunk + 1, 1000003};
  const WorkList work(counts);
  std::size_t expected = 0;
  for (std::uint32_t parameter = 0; parameter < counts.size(); ++parameter) {
    SCOPED_TRACE(counts[parameter]);
    const SegmentRange range = work.segments(parameter, parameter + 1);
    EXPECT_EQ(range.first, expected);
    expected = range.last;
    std::uint64_t element = 0;
    for (std::size_t i = range.first; i < range.last; ++i) {
      const lars::Segment& segment = work.segment(i);
      EXPECT_EQ(segment.parameter, parameter);
      EXPECT_EQ(segment.first_element, element);
      EXPECT_EQ(segment.first_element % (kSegmentChunks * kChunk), 0U);
      EXPECT_GT(segment.count, 0U);
      EXPECT_LE(segment.count, kSegmentChunks * kChunk);
      element += segment.count;
    }
    EXPECT_EQ(element, counts[parameter]);
    EXPECT_EQ(work.elements(parameter, parameter + 1), counts[parameter]);
  }
  EXPECT_EQ(work.segment_count(), expected);
  EXPECT_EQ(expected, 1 + 1 + 1 + 1 + 1 + 2 + 16U);
}

/// The units of the range, which must be its segments in order, cut where the units are.
void expect_units_cover(const WorkList& work, SegmentRange range) {
  std::size_t next = range.first;
  const std::size_t count = work.unit_count(range);
  for (std::size_t i = 0; i < count; ++i) {
    const SegmentRange unit = work.unit(range, i);
    EXPECT_EQ(unit.first, next);
    EXPECT_LT(unit.first, unit.last);
    next = unit.last;
  }
  EXPECT_EQ(next, range.last);
}

TEST(WorkList, PacksSmallTensorsIntoUnits) {
  std::vector<std::uint64_t> counts(2000, 100);
  counts[700] = 0;
  counts[701] = 1 << 20;
  const WorkList work(counts);
  const SegmentRange all = work.segments(0, 2000);
  expect_units_cover(work, all);
  const std::size_t large = (std::size_t{1} << 20) / (kSegmentChunks * kChunk);
  EXPECT_LE(work.unit_count(all), 1999 * 100 / kUnitElements + large + 2);
  for (std::size_t i = 0; i + 1 < work.unit_count(all); ++i) {
    std::uint64_t elements = 0;
    const SegmentRange unit = work.unit(all, i);
    for (std::size_t s = unit.first; s < unit.last; ++s) elements += work.segment(s).count;
    EXPECT_GE(elements, kUnitElements);
    EXPECT_LE(elements, kUnitElements + kSegmentChunks * kChunk);
  }
}

TEST(WorkList, CutsUnitsToTheRangeAskedFor) {
  const std::vector<std::uint64_t> counts = {100, 0, 100, 300000, 100, 100, 0, 50};
  const WorkList work(counts);
  for (std::uint32_t first = 0; first <= counts.size(); ++first) {
    for (std::uint32_t last = first; last <= counts.size(); ++last) {
      expect_units_cover(work, work.segments(first, last));
    }
  }
}

TEST(WorkList, CountsBeyond32Bits) {
  const std::uint64_t count = (std::uint64_t{1} << 33) + 5;
  const std::vector<std::uint64_t> counts = {count};
  const WorkList work(counts);
  EXPECT_EQ(work.segment_count(), count / (kSegmentChunks * kChunk) + 1);
  const lars::Segment& last = work.segment(work.segment_count() - 1);
  EXPECT_EQ(last.first_element + last.count, count);
}

TEST(WorkList, OfNoParametersIsEmpty) {
  const WorkList work(std::span<const std::uint64_t>{});
  EXPECT_EQ(work.segment_count(), 0U);
  EXPECT_EQ(work.unit_count(work.segments(0, 0)), 0U);
}

}  // namespace
