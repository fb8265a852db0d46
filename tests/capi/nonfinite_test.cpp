// NaN and Inf, by policy.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

using testing::ValuesIn;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Bad {
  std::int32_t dtype;
  double value;
  bool in_parameter;
};

class Nonfinite : public testing::TestWithParam<Bad> {
 protected:
  Nonfinite()
      : trainee_({{"first", GetParam().dtype, {5}},
                  {"bad", GetParam().dtype, {4096 + 3}},
                  {"last", GetParam().dtype, {2}}}) {
    trainee_.set(LARS_LEARNING_RATE, 1.0);
    trainee_.set(LARS_WEIGHT_DECAY, 0.1);
    EXPECT_EQ(trainee_.step(), LARS_OK);
    Bytes& target = GetParam().in_parameter ? trainee_.parameters[1] : trainee_.gradients[1];
    good_ = target;
    set_element(trainee_.specs()[1], target, 4097, GetParam().value);
  }

  void repair() { (GetParam().in_parameter ? trainee_.parameters[1] : trainee_.gradients[1]) = good_; }

  [[nodiscard]] std::uint64_t steps() const {
    std::uint64_t count = 0;
    EXPECT_EQ(lars_step_count(trainee_.get(), &count), LARS_OK);
    return count;
  }

  /// The message and the numbers tell the same.
  void expect_found() const {
    EXPECT_EQ(std::string(lars_error_message(trainee_.get())),
              std::string(GetParam().in_parameter ? "parameter 'bad'" : "the gradient of 'bad'") +
                  " (index 1) holds NaN or Inf in 1 of 4099 elements; nothing was written");
    std::uint32_t index = 9;
    std::uint64_t in_parameter = 9;
    std::uint64_t in_gradient = 9;
    EXPECT_EQ(lars_nonfinite(trainee_.get(), &index, &in_parameter, &in_gradient), LARS_OK);
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(in_parameter, GetParam().in_parameter ? 1U : 0U);
    EXPECT_EQ(in_gradient, GetParam().in_parameter ? 0U : 1U);
  }

  /// Whether the next, good step gives what it gives a twin that never saw the bad one.
  void expect_untouched_state() {
    repair();
    Trainee twin({{"first", GetParam().dtype, {5}},
                  {"bad", GetParam().dtype, {4096 + 3}},
                  {"last", GetParam().dtype, {2}}});
    twin.set(LARS_LEARNING_RATE, 1.0);
    twin.set(LARS_WEIGHT_DECAY, 0.1);
    ASSERT_EQ(twin.step(), LARS_OK);
    ASSERT_EQ(twin.step(), LARS_OK);
    ASSERT_EQ(trainee_.step(), LARS_OK);
    EXPECT_EQ(trainee_.parameters, twin.parameters);
  }

  Trainee trainee_;
  Bytes good_;
};

TEST_P(Nonfinite, IsRefusedByDefault) {
  const std::vector<Bytes> before = trainee_.parameters;
  EXPECT_EQ(trainee_.step(), LARS_ERR_NONFINITE);
  expect_found();
  EXPECT_EQ(trainee_.parameters, before);
  EXPECT_EQ(steps(), 1U);
  std::uint64_t skips = 9;
  EXPECT_EQ(lars_skip_count(trainee_.get(), nullptr, &skips), LARS_OK);
  EXPECT_EQ(skips, 0U);
  expect_untouched_state();
}

TEST_P(Nonfinite, IsSkippedAndCounted) {
  ASSERT_EQ(lars_set_nonfinite_policy(trainee_.get(), LARS_NONFINITE_SKIP), LARS_OK);
  const std::vector<Bytes> before = trainee_.parameters;
  EXPECT_EQ(trainee_.step(), LARS_SKIPPED);
  EXPECT_EQ(trainee_.step(), LARS_SKIPPED);
  expect_found();
  EXPECT_EQ(trainee_.parameters, before);
  EXPECT_EQ(steps(), 1U);
  std::uint64_t consecutive = 0;
  std::uint64_t total = 0;
  EXPECT_EQ(lars_skip_count(trainee_.get(), &consecutive, &total), LARS_OK);
  EXPECT_EQ(consecutive, 2U);
  EXPECT_EQ(total, 2U);
  expect_untouched_state();
  EXPECT_EQ(lars_skip_count(trainee_.get(), &consecutive, &total), LARS_OK);
  EXPECT_EQ(consecutive, 0U);
  EXPECT_EQ(total, 2U);
  EXPECT_EQ(steps(), 2U);
}

TEST_P(Nonfinite, PropagatesOnRequest) {
  ASSERT_EQ(lars_set_nonfinite_policy(trainee_.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
  EXPECT_EQ(trainee_.step(), LARS_OK);
  EXPECT_EQ(steps(), 2U);
  const TensorSpec& spec = trainee_.specs()[1];
  EXPECT_TRUE(std::isnan(element(spec, trainee_.parameters[1], 4097)));
  // NaN makes the ratio NaN and with it the tensor; Inf makes the ratio 0, or Inf / Inf for a parameter under
  // decay.
  const bool whole_tensor = std::isnan(GetParam().value) || GetParam().in_parameter;
  EXPECT_EQ(std::isnan(element(spec, trainee_.parameters[1], 0)), whole_tensor);
  EXPECT_TRUE(std::isfinite(element(trainee_.specs()[0], trainee_.parameters[0], 0)));
  EXPECT_TRUE(std::isfinite(element(trainee_.specs()[2], trainee_.parameters[2], 0)));
}

TEST_P(Nonfinite, OfAnotherTensorDoesNotHinderOneParameter) {
  EXPECT_EQ(
      lars_step_parameter(trainee_.get(), 0, trainee_.parameters[0].data(), trainee_.gradients[0].data()),
      LARS_OK);
  EXPECT_EQ(
      lars_step_parameter(trainee_.get(), 1, trainee_.parameters[1].data(), trainee_.gradients[1].data()),
      LARS_ERR_NONFINITE);
  expect_found();
}

TEST_P(Nonfinite, IsFoundOutsideTheTrustRatioMaskAndWithoutDecay) {
  trainee_.set(LARS_TRUST_RATIO_MASK, 0);
  trainee_.set(LARS_WEIGHT_DECAY, 0);
  EXPECT_EQ(trainee_.step(), LARS_ERR_NONFINITE);
  expect_found();
}

INSTANTIATE_TEST_SUITE_P(Values, Nonfinite,
                         ValuesIn(std::vector<Bad>{{LARS_F32, kNan, false},
                                                   {LARS_F32, kInf, false},
                                                   {LARS_F32, -kInf, true},
                                                   {LARS_F32, kNan, true},
                                                   {LARS_F64, kNan, false},
                                                   {LARS_F64, -kInf, false},
                                                   {LARS_F64, kInf, true},
                                                   {LARS_F64, kNan, true},
                                                   {LARS_F16, kNan, false},
                                                   {LARS_F16, -kInf, false},
                                                   {LARS_F16, kInf, true},
                                                   {LARS_F16, kNan, true},
                                                   {LARS_BF16, kNan, false},
                                                   {LARS_BF16, -kInf, false},
                                                   {LARS_BF16, kInf, true},
                                                   {LARS_BF16, kNan, true}}));

// ---- Accumulated batches ---------------------------------------------------------------------------------

/// A batch of three micro-batches, whose second has a NaN or Inf, and then a good one.
class NonfiniteBatch : public testing::TestWithParam<Bad> {
 protected:
  NonfiniteBatch() {
    for (Trainee* trainee : {&trainee_, &twin_}) {
      trainee->set(LARS_LEARNING_RATE, 1.0);
      trainee->set(LARS_WEIGHT_DECAY, 0.1);
      EXPECT_EQ(lars_set_accumulation(trainee->get(), 3), LARS_OK);
    }
  }

  void accumulate(Trainee& trainee, bool bad) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      trainee.draw_gradients(i);
      if (bad && i == 1) set_element(trainee.specs()[1], trainee.gradients[1], 4097, GetParam().value);
      ASSERT_EQ(trainee.accumulate(), LARS_OK) << "NaN and Inf are the step's concern";
    }
  }

  [[nodiscard]] std::uint32_t accumulated() const {
    std::uint32_t count = 9;
    EXPECT_EQ(lars_accumulated(trainee_.get(), &count, nullptr), LARS_OK);
    return count;
  }

  void expect_next_batch_as_if_nothing_had_happened() {
    accumulate(trainee_, false);
    accumulate(twin_, false);
    EXPECT_EQ(trainee_.step_accumulated(), LARS_OK) << lars_error_message(trainee_.get());
    EXPECT_EQ(twin_.step_accumulated(), LARS_OK);
    EXPECT_EQ(trainee_.parameters, twin_.parameters);
  }

  Trainee trainee_ = Trainee({{"first", GetParam().dtype, {5}}, {"bad", GetParam().dtype, {4096 + 3}}});
  Trainee twin_ = Trainee({{"first", GetParam().dtype, {5}}, {"bad", GetParam().dtype, {4096 + 3}}});
};

TEST_P(NonfiniteBatch, StaysWhenItIsRefused) {
  const std::vector<Bytes> before = trainee_.parameters;
  accumulate(trainee_, true);
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_EQ(trainee_.step_accumulated(), LARS_ERR_NONFINITE);
    EXPECT_EQ(std::string(lars_error_message(trainee_.get())),
              "the gradient of 'bad' (index 1) holds NaN or Inf in 1 of 4099 elements; nothing was written");
    EXPECT_EQ(accumulated(), 3U);
    EXPECT_EQ(trainee_.parameters, before);
  }
  EXPECT_EQ(lars_discard_accumulated(trainee_.get()), LARS_OK);
  expect_next_batch_as_if_nothing_had_happened();
}

TEST_P(NonfiniteBatch, IsUsedUpWhenItIsSkipped) {
  ASSERT_EQ(lars_set_nonfinite_policy(trainee_.get(), LARS_NONFINITE_SKIP), LARS_OK);
  ASSERT_EQ(lars_set_max_consecutive_skips(trainee_.get(), 1), LARS_OK);
  const std::vector<Bytes> before = trainee_.parameters;
  accumulate(trainee_, true);
  EXPECT_EQ(trainee_.step_accumulated(), LARS_SKIPPED);
  EXPECT_EQ(accumulated(), 0U);
  accumulate(trainee_, true);
  EXPECT_EQ(trainee_.step_accumulated(), LARS_ERR_NONFINITE) << "one more than the most";
  EXPECT_EQ(accumulated(), 3U) << "refused, so it stays";
  EXPECT_EQ(trainee_.parameters, before);
  EXPECT_EQ(lars_discard_accumulated(trainee_.get()), LARS_OK);
  expect_next_batch_as_if_nothing_had_happened();
}

TEST_P(NonfiniteBatch, PassesIntoTheParametersOnRequest) {
  ASSERT_EQ(lars_set_nonfinite_policy(trainee_.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
  accumulate(trainee_, true);
  EXPECT_EQ(trainee_.step_accumulated(), LARS_OK);
  EXPECT_EQ(accumulated(), 0U);
  EXPECT_TRUE(std::isnan(element(trainee_.specs()[1], trainee_.parameters[1], 4097)));
  EXPECT_TRUE(std::isfinite(element(trainee_.specs()[0], trainee_.parameters[0], 0)));
}

INSTANTIATE_TEST_SUITE_P(Values, NonfiniteBatch,
                         ValuesIn(std::vector<Bad>{{LARS_F32, kNan, false},
                                                   {LARS_F64, -kInf, false},
                                                   {LARS_F16, kInf, false},
                                                   {LARS_BF16, kNan, false}}));

// ---- Skips in a row --------------------------------------------------------------------------------------

/// The most is that many skips; the step after them is an error, and stays one until a step is taken.
TEST(Skips, AreLimitedExactly) {
  for (const std::uint64_t most : {1U, 3U}) {
    Trainee trainee({{"w", LARS_F32, {5}}});
    trainee.set(LARS_LEARNING_RATE, 1.0);
    ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
    ASSERT_EQ(lars_set_max_consecutive_skips(trainee.get(), most), LARS_OK);
    const Bytes good = trainee.gradients[0];
    const Bytes before = trainee.parameters[0];
    set_element(trainee.specs()[0], trainee.gradients[0], 1, kNan);
    for (std::uint64_t i = 0; i < most; ++i) EXPECT_EQ(trainee.step(), LARS_SKIPPED) << i << " of " << most;
    for (int i = 0; i < 2; ++i) EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
    const std::string message = lars_error_message(trainee.get());
    EXPECT_NE(message.find(most == 1 ? "1 step in a row was skipped before"
                                     : std::to_string(most) + " steps in a row were skipped before"),
              std::string::npos)
        << message;
    EXPECT_EQ(trainee.parameters[0], before);
    std::uint64_t consecutive = 0;
    std::uint64_t total = 0;
    EXPECT_EQ(lars_skip_count(trainee.get(), &consecutive, &total), LARS_OK);
    EXPECT_EQ(consecutive, most) << "a step that is refused is no skip";
    EXPECT_EQ(total, most);
    trainee.gradients[0] = good;
    EXPECT_EQ(trainee.step(), LARS_OK);
    set_element(trainee.specs()[0], trainee.gradients[0], 1, kNan);
    EXPECT_EQ(trainee.step(), LARS_SKIPPED);
    ASSERT_EQ(lars_set_max_consecutive_skips(trainee.get(), 0), LARS_OK);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(trainee.step(), LARS_SKIPPED) << "without a limit";
  }
}

/// What is refused under REFUSE, too, is no skip.
TEST(Skips, AreNotCountedUnderRefuse) {
  Trainee trainee({{"w", LARS_F32, {5}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  ASSERT_EQ(lars_set_max_consecutive_skips(trainee.get(), 1), LARS_OK);
  set_element(trainee.specs()[0], trainee.gradients[0], 1, kNan);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_SKIPPED);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
}

// ---- Without any NaN or Inf ------------------------------------------------------------------------------

/// Where the elements are finite and the step overflows, the second look finds none.
void expect_none_found(const Trainee& trainee) {
  std::uint64_t in_parameter = 9;
  std::uint64_t in_gradient = 9;
  EXPECT_EQ(lars_nonfinite(trainee.get(), nullptr, &in_parameter, &in_gradient), LARS_OK);
  EXPECT_EQ(in_parameter, 0U);
  EXPECT_EQ(in_gradient, 0U);
}

TEST(NonfiniteStep, ThatOverflowsItsTypeIsRefused) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1e30);
  trainee.set(LARS_TRUST_COEFFICIENT, 1e30);
  const Bytes before = trainee.parameters[0];
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  const std::string message = lars_error_message(trainee.get());
  EXPECT_NE(message.find("step of 'w' (index 0) overflows"), std::string::npos) << message;
  EXPECT_EQ(trainee.parameters[0], before);
  expect_none_found(trainee);
}

TEST(NonfiniteStep, WhoseScaleOverflowsIsRefusedThoughItsProductFits) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  set_element(trainee.specs()[0], trainee.parameters[0], 0, 1.0);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1e-42);  // a ratio of 1e39, for a step of 0.001
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  trainee.set(LARS_EPS, 1e-6);  // as the message advises
  EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
}

TEST(NonfiniteStep, WhoseProductOverflowsIsRefused) {
  for (const std::int32_t dtype : {LARS_F32, LARS_F64}) {
    const double large = dtype == LARS_F32 ? 1e38 : 1e308;
    Trainee trainee({{"w", dtype, {1}}});
    trainee.set(LARS_TRUST_RATIO_MASK, 0);
    set_element(trainee.specs()[0], trainee.gradients[0], 0, large);
    const Bytes before = trainee.parameters[0];
    trainee.set(LARS_LEARNING_RATE, 10.0);
    EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
    EXPECT_EQ(trainee.parameters[0], before);
    trainee.set(LARS_LEARNING_RATE, 0.5);
    EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
  }
}

/// Where the denominator's norm does not have the decay that the step has.
TEST(NonfiniteStep, WhoseDecayOverflowsIsRefused) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  trainee.set(LARS_DENOMINATOR, LARS_DENOMINATOR_GRADIENT);
  trainee.set(LARS_WEIGHT_DECAY, 1.0);
  trainee.set(LARS_LEARNING_RATE, 100.0);
  set_element(trainee.specs()[0], trainee.parameters[0], 0, 1e37);
  const Bytes before = trainee.parameters[0];
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(trainee.parameters[0], before);
}

TEST(NonfiniteSum, OfScaledGradientThatOverflowsIsRefused) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_GRADIENT_SCALE, 1e38);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1e10);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  const std::string message = lars_error_message(trainee.get());
  EXPECT_NE(message.find("'w' (index 0) has finite elements whose norms overflow"), std::string::npos)
      << message;
  expect_none_found(trainee);
}

TEST(Refusal, OfTheFirstStepStillLetsParametersBeAdded) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, kNan);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(lars_add_parameter(trainee.get(), "late", LARS_F32, 0, nullptr, nullptr), LARS_OK);
}

}  // namespace
}  // namespace lars_test
