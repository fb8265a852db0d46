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

  void expect_message() const {
    const std::string message = lars_error_message(trainee_.get());
    EXPECT_NE(
        message.find(GetParam().in_parameter ? "parameter 'bad' (index 1)" : "gradient of 'bad' (index 1)"),
        std::string::npos)
        << message;
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
  expect_message();
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
  expect_message();
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
  expect_message();
}

TEST_P(Nonfinite, IsFoundOutsideTheTrustRatioMaskAndWithoutDecay) {
  trainee_.set(LARS_TRUST_RATIO_MASK, 0);
  trainee_.set(LARS_WEIGHT_DECAY, 0);
  EXPECT_EQ(trainee_.step(), LARS_ERR_NONFINITE);
  expect_message();
}

INSTANTIATE_TEST_SUITE_P(Values, Nonfinite,
                         ValuesIn(std::vector<Bad>{{LARS_F32, kNan, false},
                                                   {LARS_F32, kInf, false},
                                                   {LARS_F32, -kInf, true},
                                                   {LARS_F32, kNan, true},
                                                   {LARS_F64, kNan, false},
                                                   {LARS_F64, -kInf, false},
                                                   {LARS_F64, kInf, true},
                                                   {LARS_F64, kNan, true}}));

TEST(NonfiniteStep, ThatOverflowsItsTypeIsRefused) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1e30);
  trainee.set(LARS_TRUST_COEFFICIENT, 1e30);
  const Bytes before = trainee.parameters[0];
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  const std::string message = lars_error_message(trainee.get());
  EXPECT_NE(message.find("step of 'w' (index 0) overflows"), std::string::npos) << message;
  EXPECT_EQ(trainee.parameters[0], before);
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

TEST(NonfiniteSum, OfScaledGradientThatOverflowsIsRefused) {
  Trainee trainee({{"w", LARS_F32, {1}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_GRADIENT_SCALE, 1e38);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1e10);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
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
