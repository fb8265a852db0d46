// Telemetry, and the second look at NaN and Inf. observer_test.cpp has who is told.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/definition.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

Trainee make_trainee() {
  Trainee trainee({{"a", LARS_F32, {7, 3}}, {"b", LARS_F16, {5}}, {"c", LARS_F64, {4096 + 9}}});
  trainee.set(LARS_LEARNING_RATE, 0.4);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  return trainee;
}

std::vector<double> telemetry(const Trainee& trainee, std::int32_t quantity) {
  std::vector<double> values(trainee.specs().size(), -1.0);
  EXPECT_EQ(lars_telemetry(trainee.get(), quantity, values.data()), LARS_OK)
      << lars_error_message(trainee.get());
  return values;
}

double norm_of(const TensorSpec& spec, const Bytes& bytes) {
  std::vector<double> values(spec.count());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = element(spec, bytes, i);
  return defined_norm(values);
}

TEST(Telemetry, IsZeroBeforeTheFirstStep) {
  Trainee trainee = make_trainee();
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity)
    EXPECT_EQ(telemetry(trainee, quantity), (std::vector<double>{0, 0, 0})) << quantity;
}

/// Step counts that the caller sets are for schedules: norms and shares are of the steps that were taken.
TEST(Telemetry, IsOfTheStepsTakenWhateverTheStepCount) {
  Trainee trainee({{"a", LARS_F32, {3}}});
  trainee.set(LARS_LEARNING_RATE, 0.5);
  ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1e-9), LARS_OK);  // which limits every step
  const auto set_count = [&](std::uint64_t steps) {
    ASSERT_EQ(lars_set_parameter_step_count(trainee.get(), 0, steps), LARS_OK);
  };
  set_count(100);
  EXPECT_EQ(lars_norms(trainee.get(), 0, nullptr, nullptr, nullptr), LARS_ERR_STATE);
  for (int step = 0; step < 10; ++step) ASSERT_EQ(trainee.step(), LARS_OK);
  for (const std::uint64_t steps : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 60}) {
    set_count(steps);
    EXPECT_EQ(lars_norms(trainee.get(), 0, nullptr, nullptr, nullptr), LARS_OK);
    EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE), (std::vector<double>{1}));
    EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_SKIPPED_SHARE), (std::vector<double>{0}));
  }
}

TEST(Telemetry, IsThatOfTheLastStep) {
  Trainee trainee = make_trainee();
  for (int step = 0; step < 2; ++step) {
    const std::vector<Bytes> parameters = trainee.parameters;
    ASSERT_EQ(lars_set_gradient_norms(trainee.get(), step), LARS_OK);
    ASSERT_EQ(trainee.step(), LARS_OK);
    const std::vector<double> weight_norms = telemetry(trainee, LARS_TELEMETRY_WEIGHT_NORM);
    const std::vector<double> gradient_norms = telemetry(trainee, LARS_TELEMETRY_GRADIENT_NORM);
    const std::vector<double> update_norms = telemetry(trainee, LARS_TELEMETRY_UPDATE_NORM);
    const std::vector<double> ratios = telemetry(trainee, LARS_TELEMETRY_TRUST_RATIO);
    const std::vector<double> rates = telemetry(trainee, LARS_TELEMETRY_EFFECTIVE_RATE);
    for (std::uint32_t i = 0; i < 3; ++i) {
      double weight_norm = 0;
      double update_norm = 0;
      double ratio = 0;
      ASSERT_EQ(lars_norms(trainee.get(), i, &weight_norm, &update_norm, &ratio), LARS_OK);
      EXPECT_EQ(weight_norms[i], weight_norm);
      EXPECT_EQ(update_norms[i], update_norm);
      EXPECT_EQ(ratios[i], ratio);
      EXPECT_EQ(rates[i], 0.4 * ratio);
      if (trainee.specs()[i].dtype != LARS_F16) {  // whose masters lars_norms sees
        EXPECT_EQ(weight_norm, norm_of(trainee.specs()[i], parameters[i]));
      }
      if (step == 0) {
        EXPECT_TRUE(std::isnan(gradient_norms[i]));
      } else {
        EXPECT_EQ(gradient_norms[i], norm_of(trainee.specs()[i], trainee.gradients[i]));
      }
    }
  }
}

TEST(Telemetry, GradientNormsAreFreeWithoutDecayAndChangeNoBit) {
  Trainee trainee = make_trainee();
  trainee.set(LARS_WEIGHT_DECAY, 0.0, "a");
  Trainee with_norms = make_trainee();
  with_norms.set(LARS_WEIGHT_DECAY, 0.0, "a");
  ASSERT_EQ(lars_set_gradient_norms(with_norms.get(), 1), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  ASSERT_EQ(with_norms.step(), LARS_OK);
  EXPECT_EQ(with_norms.parameters, trainee.parameters);
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_GRADIENT_NORM)[0],
            telemetry(with_norms, LARS_TELEMETRY_GRADIENT_NORM)[0]);
}

TEST(Telemetry, SharesCountLimitsAndSkips) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  trainee.set(LARS_TRUST_CLIP, 1);
  trainee.set(LARS_TRUST_COEFFICIENT, 1e6, "a");  // at its limit
  ASSERT_EQ(trainee.step(), LARS_OK);
  trainee.set(LARS_TRUST_COEFFICIENT, 1e-6, "a");
  ASSERT_EQ(trainee.step(), LARS_OK);
  const Bytes good = trainee.gradients[2];
  set_element(trainee.specs()[2], trainee.gradients[2], 1, INFINITY);
  ASSERT_EQ(trainee.step(), LARS_SKIPPED);
  trainee.gradients[2] = good;
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE), (std::vector<double>{1.0 / 3.0, 0, 0}));
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_SKIPPED_SHARE), (std::vector<double>{0, 0, 0.25}));
  ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1e-3), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE), (std::vector<double>{0.5, 0.25, 0.25}));
}

/// Of every form of step, and whether decay or the global norm want all moments; with the elements in
/// whichever chunk and however large.
TEST(Telemetry, ValuesThatAreClippedAreLimits) {
  for (const std::int32_t type : {LARS_F32, LARS_F64, LARS_BF16}) {
    for (const bool gradient_norms : {false, true}) {
      for (const bool accumulated : {false, true}) {
        for (const char* kernels : {"auto", "reference"}) {
          Trainee trainee({{"long", type, {20 * 4096 + 3}}, {"short", type, {5}}});
          ASSERT_EQ(lars_set_kernels(trainee.get(), kernels), LARS_OK);
          ASSERT_EQ(lars_set_gradient_norms(trainee.get(), gradient_norms ? 1 : 0), LARS_OK);
          trainee.set(LARS_LEARNING_RATE, 0.25);
          trainee.set(LARS_WEIGHT_DECAY, 0.5);
          trainee.set(LARS_CLIP_VALUE, 100.0);
          const auto step = [&] {
            if (!accumulated) return trainee.step();
            EXPECT_EQ(trainee.accumulate(), LARS_OK);
            return trainee.step_accumulated();
          };
          const auto limited = [&] { return telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE); };
          ASSERT_EQ(step(), LARS_OK);
          EXPECT_EQ(limited(), (std::vector<double>{0, 0}));
          set_element(trainee.specs()[0], trainee.gradients[0], 19 * 4096 + 1, -128.0);
          ASSERT_EQ(step(), LARS_OK);
          EXPECT_EQ(limited(), (std::vector<double>{0.5, 0}));
          trainee.set(LARS_CLIP_VALUE, INFINITY);
          ASSERT_EQ(step(), LARS_OK);
          ASSERT_EQ(step(), LARS_OK);
          EXPECT_EQ(limited(), (std::vector<double>{0.25, 0}));
        }
      }
    }
  }
}

/// Where binary64 elements are rescaled before they are squared.
TEST(Telemetry, ValuesThatAreClippedAreLimitsHoweverLarge) {
  Trainee trainee({{"a", LARS_F64, {3}}});
  trainee.set(LARS_LEARNING_RATE, 0.25);
  trainee.set(LARS_CLIP_VALUE, 1e200);
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1e180);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE), (std::vector<double>{0}));
  set_element(trainee.specs()[0], trainee.gradients[0], 0, 1e201);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(telemetry(trainee, LARS_TELEMETRY_LIMITED_SHARE), (std::vector<double>{0.5}));
}

// ---- The second look ------------------------------------------------------------------------------------

TEST(SecondLook, NamesTheTensorAndCountsItsElements) {
  Trainee trainee = make_trainee();
  std::uint32_t index = 9;
  std::uint64_t in_parameter = 9;
  std::uint64_t in_gradient = 9;
  const auto look = [&] { return lars_nonfinite(trainee.get(), &index, &in_parameter, &in_gradient); };
  EXPECT_EQ(look(), LARS_ERR_STATE);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(look(), LARS_ERR_STATE);
  set_element(trainee.specs()[1], trainee.gradients[1], 0, NAN);
  set_element(trainee.specs()[1], trainee.gradients[1], 4, -INFINITY);
  set_element(trainee.specs()[2], trainee.gradients[2], 4, NAN);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(std::string(lars_error_message(trainee.get())),
            "the gradient of 'b' (index 1) holds NaN or Inf in 2 of 5 elements; nothing was written");
  ASSERT_EQ(look(), LARS_OK);
  EXPECT_EQ(index, 1U);
  EXPECT_EQ(in_parameter, 0U);
  EXPECT_EQ(in_gradient, 2U);
  set_element(trainee.specs()[0], trainee.parameters[0], 20, NAN);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  ASSERT_EQ(look(), LARS_OK);
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(in_parameter, 1U);
  EXPECT_EQ(in_gradient, 0U);
}

TEST(SecondLook, SeesAccumulatedGradients) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_accumulation(trainee.get(), 2), LARS_OK);
  set_element(trainee.specs()[2], trainee.gradients[2], 4, NAN);
  ASSERT_EQ(trainee.accumulate(), LARS_OK);
  trainee.draw_gradients(2);
  ASSERT_EQ(trainee.accumulate(), LARS_OK);
  EXPECT_EQ(trainee.step_accumulated(), LARS_ERR_NONFINITE);
  std::uint32_t index = 9;
  std::uint64_t in_gradient = 9;
  ASSERT_EQ(lars_nonfinite(trainee.get(), &index, nullptr, &in_gradient), LARS_OK);
  EXPECT_EQ(index, 2U);
  EXPECT_EQ(in_gradient, 1U);
}

TEST(Skips, EndInAnErrorAfterTheMost) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  ASSERT_EQ(lars_set_max_consecutive_skips(trainee.get(), 2), LARS_OK);
  const Bytes good = trainee.gradients[0];
  Bytes bad = good;
  set_element(trainee.specs()[0], bad, 3, NAN);
  const auto step = [&](const Bytes& gradient) {
    trainee.gradients[0] = gradient;
    return trainee.step();
  };
  EXPECT_EQ(step(bad), LARS_SKIPPED);
  EXPECT_EQ(step(good), LARS_OK);  // ends the row
  EXPECT_EQ(step(bad), LARS_SKIPPED);
  EXPECT_EQ(step(bad), LARS_SKIPPED);
  EXPECT_EQ(step(bad), LARS_ERR_NONFINITE);
  EXPECT_NE(std::string(lars_error_message(trainee.get())).find("2 steps in a row were skipped before"),
            std::string::npos);
  EXPECT_EQ(step(bad), LARS_ERR_NONFINITE);
  EXPECT_EQ(step(good), LARS_OK);
  EXPECT_EQ(step(bad), LARS_SKIPPED);
}

}  // namespace
}  // namespace lars_test
