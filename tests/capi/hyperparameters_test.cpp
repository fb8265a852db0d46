// Keys, defaults and schedules in force.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>

#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

const std::vector<std::int32_t> kKeys = {LARS_LEARNING_RATE,     LARS_WEIGHT_DECAY, LARS_WEIGHT_DECAY_MASK,
                                         LARS_TRUST_COEFFICIENT, LARS_EPS,          LARS_TRUST_RATIO_MASK,
                                         LARS_MOMENTUM,          LARS_NESTEROV,     LARS_GRADIENT_SCALE};
const std::vector<std::int32_t> kNumericKeys = {LARS_LEARNING_RATE, LARS_WEIGHT_DECAY, LARS_TRUST_COEFFICIENT,
                                                LARS_EPS,           LARS_MOMENTUM,     LARS_GRADIENT_SCALE};

std::vector<TensorSpec> two_tensors() { return {{"a", LARS_F64, {3}}, {"b", LARS_F64, {2}}}; }

double get(const Trainee& trainee, std::uint32_t index, std::int32_t key) {
  double value = -1e9;
  EXPECT_EQ(lars_get(trainee.get(), index, key, &value), LARS_OK) << lars_error_message(trainee.get());
  return value;
}

TEST(Hyperparameters, HaveOptaxDefaults) {
  const Trainee trainee(two_tensors());
  EXPECT_EQ(get(trainee, 0, LARS_WEIGHT_DECAY), 0.0);
  EXPECT_EQ(get(trainee, 0, LARS_WEIGHT_DECAY_MASK), 1.0);
  EXPECT_EQ(get(trainee, 0, LARS_TRUST_COEFFICIENT), 0.001);
  EXPECT_EQ(get(trainee, 0, LARS_EPS), 0.0);
  EXPECT_EQ(get(trainee, 0, LARS_TRUST_RATIO_MASK), 1.0);
  EXPECT_EQ(get(trainee, 0, LARS_MOMENTUM), 0.9);
  EXPECT_EQ(get(trainee, 0, LARS_NESTEROV), 0.0);
  EXPECT_EQ(get(trainee, 0, LARS_GRADIENT_SCALE), 1.0);
  double value = 42.0;
  EXPECT_EQ(lars_get(trainee.get(), 0, LARS_LEARNING_RATE, &value), LARS_ERR_STATE);
  EXPECT_EQ(value, 42.0);
}

TEST(Hyperparameters, GetReturnsWhatSetPut) {
  Trainee trainee(two_tensors());
  for (const std::int32_t key : kKeys) {
    for (const double value : {0.0, 1.0}) {
      trainee.set(key, value, "a");
      EXPECT_EQ(get(trainee, 0, key), value);
    }
  }
  trainee.set(LARS_GRADIENT_SCALE, -0.125);
  EXPECT_EQ(get(trainee, 0, LARS_GRADIENT_SCALE), -0.125);
  EXPECT_EQ(get(trainee, 1, LARS_GRADIENT_SCALE), -0.125);
}

TEST(Hyperparameters, ChangeBetweenSteps) {
  Trainee trainee({{"w", LARS_F64, {1}}});
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  trainee.set(LARS_MOMENTUM, 0);
  set_element(trainee.specs()[0], trainee.parameters[0], 0, 10.0);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1.0);
  trainee.set(LARS_LEARNING_RATE, 1.0);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), 9.0);
  trainee.set(LARS_LEARNING_RATE, 3.0);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), 6.0);
  trainee.set(LARS_GRADIENT_SCALE, -1.0);  // a trainer that stores the negated gradient
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), 9.0);
}

TEST(Hyperparameters, EveryNumericKeyFollowsASchedule) {
  for (const std::int32_t key : kNumericKeys) {
    Trainee trainee(two_tensors());
    trainee.set(LARS_LEARNING_RATE, 0.1);
    const ScheduleHandle line = make_schedule(lars_schedule_linear, 0.5, 0.1, 4, 0);
    ASSERT_EQ(lars_set_schedule(trainee.get(), "b", key, line.get()), LARS_OK)
        << lars_error_message(trainee.get());
    const double constant = get(trainee, 0, key);
    for (std::uint64_t step = 0; step < 6; ++step) {
      double expected = 0.0;
      ASSERT_EQ(lars_schedule_value(line.get(), step, &expected), LARS_OK);
      EXPECT_EQ(get(trainee, 1, key), expected) << "key " << key << " step " << step;
      EXPECT_EQ(get(trainee, 0, key), constant);
      ASSERT_EQ(trainee.step(), LARS_OK);
    }
  }
}

TEST(Hyperparameters, ScheduledStepsEqualStepsWithTheValuesSetByHand) {
  for (const std::int32_t key : kNumericKeys) {
    Trainee scheduled(two_tensors());
    Trainee by_hand(two_tensors());
    for (Trainee* trainee : {&scheduled, &by_hand}) {
      trainee->set(LARS_LEARNING_RATE, 2.0);
      trainee->set(LARS_WEIGHT_DECAY, 0.3);
    }
    const ScheduleHandle line = make_schedule(lars_schedule_linear, 0.5, 0.1, 4, 0);
    ASSERT_EQ(lars_set_schedule(scheduled.get(), nullptr, key, line.get()), LARS_OK);
    for (std::uint64_t step = 0; step < 6; ++step) {
      double value = 0.0;
      ASSERT_EQ(lars_schedule_value(line.get(), step, &value), LARS_OK);
      by_hand.set(key, value);
      ASSERT_EQ(scheduled.step(), LARS_OK);
      ASSERT_EQ(by_hand.step(), LARS_OK);
      EXPECT_EQ(scheduled.parameters, by_hand.parameters) << "key " << key << " step " << step;
    }
  }
}

TEST(Hyperparameters, ConstantReplacesScheduleAndViceVersa) {
  Trainee trainee(two_tensors());
  const ScheduleHandle first = make_schedule(lars_schedule_constant, 0.25);
  const ScheduleHandle second = make_schedule(lars_schedule_constant, 0.5);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_MOMENTUM, first.get()), LARS_OK);
  ASSERT_EQ(lars_set_schedule(trainee.get(), "b", LARS_MOMENTUM, second.get()), LARS_OK);
  EXPECT_EQ(get(trainee, 0, LARS_MOMENTUM), 0.25);
  EXPECT_EQ(get(trainee, 1, LARS_MOMENTUM), 0.5);
  trainee.set(LARS_MOMENTUM, 0.75);
  EXPECT_EQ(get(trainee, 0, LARS_MOMENTUM), 0.75);
  EXPECT_EQ(get(trainee, 1, LARS_MOMENTUM), 0.75);
}

TEST(Hyperparameters, ScheduleMayBeDestroyedAtOnce) {
  Trainee trainee(two_tensors());
  {
    const ScheduleHandle inner = make_schedule(lars_schedule_constant, 0.25);
    const lars_schedule* parts[] = {inner.get()};
    const ScheduleHandle outer = make_schedule(lars_schedule_join, 1U, parts, nullptr);
    ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, outer.get()), LARS_OK);
  }
  EXPECT_EQ(get(trainee, 0, LARS_LEARNING_RATE), 0.25);
  EXPECT_EQ(trainee.step(), LARS_OK);
}

TEST(Hyperparameters, TensorsAtDifferentStepsShareASchedule) {
  Trainee trainee(two_tensors());
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  trainee.set(LARS_MOMENTUM, 0);
  const ScheduleHandle line = make_schedule(lars_schedule_linear, 1.0, 9.0, 8, 0);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, line.get()), LARS_OK);
  ASSERT_EQ(lars_step_parameter(trainee.get(), 0, trainee.parameters[0].data(), trainee.gradients[0].data()),
            LARS_OK);
  for (std::size_t t = 0; t < 2; ++t) {
    set_element(trainee.specs()[t], trainee.parameters[t], 0, 0.0);
    set_element(trainee.specs()[t], trainee.gradients[t], 0, 1.0);
  }
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), -2.0);  // its second step
  EXPECT_EQ(element(trainee.specs()[1], trainee.parameters[1], 0), -1.0);  // its first
}

std::int32_t fail_always(void* calls, std::uint64_t /*step*/, double* /*value*/) {
  ++*static_cast<int*>(calls);
  return 1;
}

TEST(Hyperparameters, GetAsksNoOtherKeysSchedule) {
  Trainee trainee(two_tensors());
  int calls = 0;
  const ScheduleHandle failing = make_schedule(lars_schedule_callback, fail_always, &calls);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, failing.get()), LARS_OK);
  EXPECT_EQ(get(trainee, 0, LARS_MOMENTUM), 0.9);
  EXPECT_EQ(calls, 0);
  double value = 0.0;
  EXPECT_EQ(lars_get(trainee.get(), 0, LARS_LEARNING_RATE, &value), LARS_ERR_CALLBACK);
  EXPECT_EQ(calls, 1);
}

TEST(Hyperparameters, EachTensorsOwnStepCountSelectsTheValue) {
  Trainee trainee(two_tensors());
  const ScheduleHandle line = make_schedule(lars_schedule_linear, 0.0, 8.0, 8, 0);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, line.get()), LARS_OK);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(
        lars_step_parameter(trainee.get(), 0, trainee.parameters[0].data(), trainee.gradients[0].data()),
        LARS_OK);
  }
  EXPECT_EQ(get(trainee, 0, LARS_LEARNING_RATE), 3.0);
  EXPECT_EQ(get(trainee, 1, LARS_LEARNING_RATE), 0.0);
}

/// Also those that lars_load has replaced.
TEST(Settings, CanBeReadBack) {
  const auto read = [](lars_optimizer* optimizer) {
    std::int32_t policy = -1;
    std::uint64_t most = 99;
    double clip = -1.0;
    std::int32_t norms = -1;
    EXPECT_EQ(lars_nonfinite_policy(optimizer, &policy), LARS_OK);
    EXPECT_EQ(lars_max_consecutive_skips(optimizer, &most), LARS_OK);
    EXPECT_EQ(lars_gradient_clip(optimizer, &clip), LARS_OK);
    EXPECT_EQ(lars_gradient_norms(optimizer, &norms), LARS_OK);
    return std::make_tuple(policy, most, clip, norms);
  };
  const Trainee trainee({{"w", LARS_F32, {3}}});
  EXPECT_EQ(read(trainee.get()), std::make_tuple(LARS_NONFINITE_REFUSE, std::uint64_t{0}, INFINITY, 0));
  EXPECT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  EXPECT_EQ(lars_set_max_consecutive_skips(trainee.get(), 7), LARS_OK);
  EXPECT_EQ(lars_set_gradient_clip(trainee.get(), 1.5), LARS_OK);
  EXPECT_EQ(lars_set_gradient_norms(trainee.get(), 1), LARS_OK);
  EXPECT_EQ(read(trainee.get()), std::make_tuple(LARS_NONFINITE_SKIP, std::uint64_t{7}, 1.5, 1));

  const Trainee loader({{"w", LARS_F32, {3}}});
  EXPECT_EQ(load(loader, saved(trainee)), LARS_OK);
  EXPECT_EQ(read(loader.get()), std::make_tuple(LARS_NONFINITE_SKIP, std::uint64_t{7}, 1.5, 0));

  std::int32_t carry = -1;
  EXPECT_EQ(lars_carry_norms(trainee.get(), &carry), LARS_OK);
  EXPECT_EQ(carry, 0);
  EXPECT_EQ(lars_set_carry_norms(trainee.get(), 1), LARS_OK);
  EXPECT_EQ(lars_carry_norms(trainee.get(), &carry), LARS_OK);
  EXPECT_EQ(carry, 1);
}

}  // namespace
}  // namespace lars_test
