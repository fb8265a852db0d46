#include "work_list.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

namespace {

using lars::kChunk;
using lars::kSegmentChunks;

TEST(WorkList, CoversEveryElementOnceOnTheChunkGrid) {
  const std::vector<std::uint64_t> counts = {
      0, 1, kChunk - 1, kChunk, kChunk + 1, 0, kSegmentChunks * kChunk, kSegmentChunks * kChunk + 1, 1000003};
  const lars::WorkList work(counts);
  std::uint64_t slot = 0;
  for (std::uint32_t parameter = 0; parameter < counts.size(); ++parameter) {
    SCOPED_TRACE(counts[parameter]);
    EXPECT_EQ(work.first_slot(parameter), slot);
    std::uint64_t element = 0;
    for (const lars::Segment& segment : work.segments(parameter, parameter + 1)) {
      EXPECT_EQ(segment.parameter, parameter);
      EXPECT_EQ(segment.first_element, element);
      EXPECT_EQ(segment.first_element % kChunk, 0U);
      EXPECT_GT(segment.count, 0U);
      EXPECT_LE(segment.count, kSegmentChunks * kChunk);
      EXPECT_EQ(segment.first_slot, slot);
      element += segment.count;
      slot += (segment.count + kChunk - 1) / kChunk;
    }
    EXPECT_EQ(element, counts[parameter]);
    EXPECT_EQ(work.slot_count(parameter), (counts[parameter] + kChunk - 1) / kChunk);
  }
  EXPECT_EQ(work.slot_count(), slot);
  EXPECT_EQ(work.segments(0, static_cast<std::uint32_t>(counts.size())).size(), 1 + 1 + 1 + 1 + 1 + 2 + 16U);
}

TEST(WorkList, CountsBeyond32Bits) {
  const std::uint64_t count = (std::uint64_t{1} << 33) + 5;
  const std::vector<std::uint64_t> counts = {count};
  const lars::WorkList work(counts);
  EXPECT_EQ(work.slot_count(), count / kChunk + 1);
  EXPECT_EQ(work.segments(0, 1).back().first_element + work.segments(0, 1).back().count, count);
}

TEST(WorkList, OfNoParametersIsEmpty) {
  const lars::WorkList work(std::span<const std::uint64_t>{});
  EXPECT_TRUE(work.segments(0, 0).empty());
  EXPECT_EQ(work.slot_count(), 0U);
}

}  // namespace
