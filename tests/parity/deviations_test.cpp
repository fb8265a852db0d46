// Where liblars deliberately differs from optax: docs/semantics.md gives the reasons.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "replay.h"
#include "schedule_factory.h"

namespace lars_parity {
namespace {

using nlohmann::json;

constexpr double allowed_units = 4.0;   // from optax in float64, in units of float32
constexpr double optax_is_wrong = 1e4;  // in the same units

// In float32, optax's sums of squares leave the range of float32 where liblars's, in float64, do not.
TEST(Deviations, NormsBeyondTheRangeOfFloat32AreExact) {
  const std::vector<GoldenCase> cases = read_golden_cases("deviations");
  ASSERT_FALSE(cases.empty());
  for (const GoldenCase& golden : cases) {
    for (const char* kernels : {"reference", "auto"}) {
      SCOPED_TRACE(golden.name + ", " + kernels);
      replay_updates<float>(golden, kernels, [&golden](std::uint64_t step, const Buffers<float>& updates) {
        const ExpectedTensor& expected = golden.updates.at(step - 1).tensors.at(golden.tensors.at(0).name);
        const double unit = static_cast<double>(std::numeric_limits<float>::epsilon()) * expected.scale;
        EXPECT_GT(expected.float32_error, optax_is_wrong) << "optax is right here: no deviation to show";
        for (std::size_t i = 0; i < expected.values.size(); ++i) {
          EXPECT_NEAR(static_cast<double>(updates.at(0)[i]), expected.values[i], allowed_units * unit);
        }
      });
    }
  }
}

TEST(Deviations, InvalidValuesAreRefused) {
  const json rejected = read_golden_file("rejected");
  for (const json& entry : rejected.at("values")) {
    SCOPED_TRACE(entry);
    const lars_test::OptimizerHandle optimizer = lars_test::make_optimizer();
    const json setting = {{"key", entry.at("key")}, {"value", 0.5}};
    apply_settings(optimizer.get(), json::array({setting}));
    EXPECT_EQ(set_value(optimizer.get(), entry.at("key"), read_number(entry.at("value"))), LARS_ERR_VALUE);
    EXPECT_STRNE(lars_error_message(optimizer.get()), "");
  }
}

TEST(Deviations, InvalidScheduleArgumentsAreRefused) {
  const json rejected = read_golden_file("rejected");
  ASSERT_FALSE(rejected.at("schedules").empty());
  for (const json& description : rejected.at("schedules")) {
    SCOPED_TRACE(description);
    try {
      make_described_schedule(description);
      ADD_FAILURE() << "accepted";
    } catch (const RefusedSchedule& refused) {
      EXPECT_EQ(refused.status, LARS_ERR_VALUE) << refused.what();
    }
  }
}

TEST(Deviations, AScheduleThatLeavesItsRangeIsRefusedAtTheStep) {
  const json rejected = read_golden_file("rejected").at("at_step");
  const lars_test::OptimizerHandle optimizer = lars_test::make_optimizer();
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "w", LARS_F64, 0, nullptr, nullptr), LARS_OK);
  apply_settings(optimizer.get(), rejected.at("settings"));
  double parameter = 1.0;
  const double gradient = 1.0;
  void* const parameters[] = {&parameter};
  const void* const gradients[] = {&gradient};
  const int first_rejected = rejected.at("first_rejected_step");
  for (int step = 0; step < first_rejected; ++step) {
    ASSERT_EQ(lars_step(optimizer.get(), parameters, gradients), LARS_OK)
        << lars_error_message(optimizer.get());
  }
  const double before = parameter;
  EXPECT_EQ(lars_step(optimizer.get(), parameters, gradients), LARS_ERR_VALUE);
  EXPECT_EQ(parameter, before);
}

}  // namespace
}  // namespace lars_parity
