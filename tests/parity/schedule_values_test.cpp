// Every schedule on its own: lars_schedule_value against optax's schedule computed in float64.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "golden_case.h"
#include "schedule_factory.h"

namespace lars_parity {
namespace {

TEST(ScheduleValues, AreOptax) {
  constexpr double allowed_units = 2.0;  // relative to the schedule's largest value
  const nlohmann::json file = read_golden_file("schedule_values");
  ASSERT_FALSE(file.at("schedules").empty());
  for (const nlohmann::json& entry : file.at("schedules")) {
    SCOPED_TRACE(entry.at("name"));
    const lars_test::ScheduleHandle schedule = make_described_schedule(entry.at("description"));
    double largest = 0.0;
    for (const nlohmann::json& point : entry.at("values"))
      largest = std::max(largest, std::abs(point.at(1).get<double>()));
    for (const nlohmann::json& point : entry.at("values")) {
      const std::uint64_t step = point.at(0);
      const double expected = point.at(1);
      double actual = 0.0;
      ASSERT_EQ(lars_schedule_value(schedule.get(), step, &actual), LARS_OK);
      EXPECT_NEAR(actual, expected, allowed_units * std::numeric_limits<double>::epsilon() * largest)
          << "at step " << step;
    }
  }
}

}  // namespace
}  // namespace lars_parity
