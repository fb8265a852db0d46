// Schedules on their own; tests/parity compares every one with optax.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

double value_at(const ScheduleHandle& schedule, std::uint64_t step) {
  double value = std::nan("");
  EXPECT_EQ(lars_schedule_value(schedule.get(), step, &value), LARS_OK);
  return value;
}

TEST(Schedules, CountBeyond32Bits) {
  const std::uint64_t steps = std::uint64_t{1} << 40;
  const ScheduleHandle line = make_schedule(lars_schedule_linear, 0.0, 1.0, steps, 0);
  EXPECT_EQ(value_at(line, steps / 4), 0.25);
  EXPECT_EQ(value_at(line, std::numeric_limits<std::uint64_t>::max()), 1.0);
}

TEST(Schedules, OfNoTransitionKeepTheInitialValue) {
  EXPECT_EQ(value_at(make_schedule(lars_schedule_linear, 3.0, 1.0, 0, 5), 100), 3.0);
  EXPECT_EQ(value_at(make_schedule(lars_schedule_polynomial, 3.0, 1.0, 2.0, 0, 0), 100), 3.0);
  EXPECT_EQ(value_at(make_schedule(lars_schedule_exponential_decay, 3.0, 0, 0.5, 0, 0, nullptr), 100), 3.0);
  EXPECT_EQ(value_at(make_schedule(lars_schedule_exponential_decay, 3.0, 7, 0.0, 0, 0, nullptr), 100), 3.0);
  EXPECT_EQ(value_at(make_schedule(lars_schedule_warmup_constant, 3.0, 1.0, 0), 100),
            3.0);  // as optax has it
}

TEST(Schedules, PiecewiseMayHaveNoBoundaries) {
  EXPECT_EQ(value_at(make_schedule(lars_schedule_piecewise_constant, 3.0, 0U, nullptr, nullptr), 9), 3.0);
  EXPECT_EQ(value_at(make_schedule(lars_schedule_piecewise_interpolate, LARS_INTERPOLATE_COSINE, 3.0, 0U,
                                   nullptr, nullptr),
                     9),
            3.0);
}

TEST(Schedules, JoinStartsEachPartFromZero) {
  const ScheduleHandle up = make_schedule(lars_schedule_linear, 0.0, 1.0, 10, 0);
  const ScheduleHandle down = make_schedule(lars_schedule_linear, 1.0, 0.0, 10, 0);
  const lars_schedule* parts[] = {up.get(), down.get(), up.get()};
  const std::uint64_t boundaries[] = {10, 20};
  const ScheduleHandle joined = make_schedule(lars_schedule_join, 3U, parts, boundaries);
  EXPECT_EQ(value_at(joined, 9), 0.9);
  EXPECT_EQ(value_at(joined, 10), 1.0);
  EXPECT_EQ(value_at(joined, 15), 0.5);
  EXPECT_EQ(value_at(joined, 20), 0.0);
  EXPECT_EQ(value_at(joined, 30), 1.0);
}

struct Recorder {
  std::vector<std::uint64_t> steps;
};

std::int32_t record_step(void* user, std::uint64_t step, double* value) {
  static_cast<Recorder*>(user)->steps.push_back(step);
  *value = 0.5;
  return 0;
}

TEST(Schedules, CallbackIsAskedOncePerStepForAllParameters) {
  Trainee trainee(assorted_tensors(LARS_F32));
  Recorder recorder;
  const ScheduleHandle schedule = make_schedule(lars_schedule_callback, record_step, &recorder);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(recorder.steps, (std::vector<std::uint64_t>{0, 1, 2}));
}

struct Knob {
  double value;
};

std::int32_t read_knob(void* user, std::uint64_t /*step*/, double* value) {
  *value = static_cast<Knob*>(user)->value;
  return 0;
}

TEST(Schedules, CallbackIsAskedAnewByEveryCall) {
  Trainee trainee({{"w", LARS_F64, {1}}});
  Knob knob = {0.5};
  const ScheduleHandle schedule = make_schedule(lars_schedule_callback, read_knob, &knob);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  double value = 0.0;
  ASSERT_EQ(lars_get(trainee.get(), 0, LARS_LEARNING_RATE, &value), LARS_OK);
  EXPECT_EQ(value, 0.5);
  knob.value = 0.25;  // a trainer that lowers the rate on a plateau
  ASSERT_EQ(lars_get(trainee.get(), 0, LARS_LEARNING_RATE, &value), LARS_OK);
  EXPECT_EQ(value, 0.25);
}

TEST(Schedules, InvalidPartMakesAnInvalidJoin) {
  lars_schedule* bad = nullptr;
  EXPECT_EQ(lars_schedule_constant(std::numeric_limits<double>::quiet_NaN(), &bad), LARS_ERR_VALUE);
  const ScheduleHandle owner(bad);
  ASSERT_NE(bad, nullptr);
  const std::string message = lars_schedule_error_message(bad);
  EXPECT_EQ(message, "value: nan is not allowed; it must be finite");
  const lars_schedule* parts[] = {bad};
  lars_schedule* joined = nullptr;
  EXPECT_EQ(lars_schedule_join(1, parts, nullptr, &joined), LARS_ERR_VALUE);
  const ScheduleHandle joined_owner(joined);
  EXPECT_EQ(lars_schedule_error_message(joined), message);
  double value = 7.0;
  EXPECT_EQ(lars_schedule_value(joined, 0, &value), LARS_ERR_VALUE);
  EXPECT_EQ(value, 7.0);
}

TEST(Schedules, JoinMayReplaceOneOfItsParts) {
  lars_schedule* handle = nullptr;
  ASSERT_EQ(lars_schedule_constant(0.25, &handle), LARS_OK);
  const ScheduleHandle part(handle);
  ASSERT_EQ(lars_schedule_join(1, &handle, nullptr, &handle), LARS_OK) << lars_schedule_error_message(handle);
  const ScheduleHandle joined(handle);
  EXPECT_EQ(value_at(joined, 3), 0.25);
}

TEST(Schedules, ValueThatOverflowsIsAnError) {
  const ScheduleHandle line = make_schedule(lars_schedule_linear, 1e308, -1e308, 10, 0);
  double value = 7.0;
  EXPECT_EQ(lars_schedule_value(line.get(), 5, &value), LARS_ERR_VALUE);
  EXPECT_EQ(value, 7.0);
}

TEST(Schedules, OneCycleOverTheGreatestCountKeepsItsShape) {
  constexpr std::uint64_t kSteps = std::numeric_limits<std::uint64_t>::max();
  const ScheduleHandle cycle =
      make_schedule(lars_schedule_linear_onecycle, kSteps, 1.0, 0.3, 0.85, 25.0, 1e4);
  EXPECT_NEAR(value_at(cycle, kSteps / 10 * 3), 1.0, 1e-12);
  EXPECT_NEAR(value_at(cycle, kSteps / 100 * 85), 0.04, 1e-12);
  EXPECT_NEAR(value_at(cycle, kSteps), 4e-6, 1e-18);
}

/// As in optax, which applies the factors in order of their steps.
TEST(Schedules, OneCycleThatEndsBeforeItsPeakDoesNotReachIt) {
  const ScheduleHandle cycle =
      make_schedule(lars_schedule_linear_onecycle, std::uint64_t{10}, 1.0, 0.85, 0.3, 25.0, 1e4);
  EXPECT_DOUBLE_EQ(value_at(cycle, 0), 0.04);
  EXPECT_DOUBLE_EQ(value_at(cycle, 3), 0.04 / 25.0);
  EXPECT_DOUBLE_EQ(value_at(cycle, 8), 0.04);
}

/// As in optax, whose end is a share of the peak.
TEST(Schedules, WarmupToAPeakOfZeroEndsAtZero) {
  const ScheduleHandle schedule = make_schedule(lars_schedule_warmup_cosine_decay, 0.0, 0.0, std::uint64_t{1},
                                                std::uint64_t{10}, 0.5, 1.0);
  EXPECT_EQ(value_at(schedule, 10), 0.0);
}

TEST(Schedules, ValidOneHasNoMessage) {
  EXPECT_STREQ(lars_schedule_error_message(make_schedule(lars_schedule_constant, 1.0).get()), "");
}

TEST(Schedules, ValueOutOfAKeysRangeFailsTheStepAndChangesNothing) {
  Trainee trainee({{"w", LARS_F64, {3}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  const ScheduleHandle line = make_schedule(lars_schedule_linear, 0.5, -0.5, 2, 0);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_WEIGHT_DECAY, line.get()), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  const std::vector<Bytes> before = trainee.parameters;
  EXPECT_EQ(trainee.step(), LARS_ERR_VALUE);
  EXPECT_STREQ(lars_error_message(trainee.get()),
               "weight_decay of 'w': its schedule gives -0.5 at step 2; it must be finite and at least 0");
  EXPECT_EQ(trainee.parameters, before);
}

}  // namespace
}  // namespace lars_test
