#include "reduction.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace {

/// Level by level: neighbours are added, an odd one out moves up.
double pairwise(std::vector<double> values) {
  while (values.size() > 1) {
    std::vector<double> level;
    for (std::size_t i = 0; i < values.size(); i += 2) {
      level.push_back(i + 1 < values.size() ? values[i] + values[i + 1] : values[i]);
    }
    values = level;
  }
  return values.empty() ? 0.0 : values[0];
}

TEST(Reduction, AddsSlotsByTheFixedTree) {
  std::mt19937_64 generator(3);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (std::size_t count = 0; count <= 130; ++count) {
    std::vector<lars::Moments> slots(count);
    std::vector<double> weights;
    std::vector<double> updates;
    for (lars::Moments& slot : slots) {
      slot = {uniform(generator), uniform(generator)};
      weights.push_back(slot.weight);
      updates.push_back(slot.update);
    }
    const lars::Moments sums = lars::add_slots(slots);
    EXPECT_EQ(sums.weight, pairwise(weights)) << count << " slots";
    EXPECT_EQ(sums.update, pairwise(updates)) << count << " slots";
  }
}

TEST(Reduction, AddsLanesByHalves) {
  // Values whose sum depends on the order: only the documented one gives this result.
  std::array<double, lars::kLanes> lanes{};
  lanes[0] = 1e16;
  lanes[8] = -1e16;
  lanes[1] = 1.0;
  lanes[15] = 2.0;
  EXPECT_EQ(lars::add_lanes(lanes), 3.0);
  lanes = {};
  lanes[0] = 1e16;
  lanes[1] = -1e16;
  lanes[2] = 1.0;  // joins lane 0 before lane 1 does, and is lost there
  EXPECT_EQ(lars::add_lanes(lanes), 0.0);
}

}  // namespace
