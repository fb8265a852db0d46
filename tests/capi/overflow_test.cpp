// Steps near the limits of their types: under REFUSE nothing becomes Inf, whatever the norms are of; a clip
// by the global norm blames nobody for another's gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Single elements "p0", "p1", ...; learning rate 1, no momentum, no trust ratio.
Trainee scalars(std::int32_t dtype, const std::vector<double>& weights,
                const std::vector<double>& gradients) {
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < weights.size(); ++i) specs.push_back({"p" + std::to_string(i), dtype, {1}});
  Trainee trainee(specs);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    set_element(specs[i], trainee.parameters[i], 0, weights[i]);
    set_element(specs[i], trainee.gradients[i], 0, gradients[i]);
  }
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_MOMENTUM, 0.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  return trainee;
}

std::vector<double> weights_of(const Trainee& trainee) {
  std::vector<double> weights;
  for (std::size_t i = 0; i < trainee.specs().size(); ++i)
    weights.push_back(element(trainee.specs()[i], trainee.parameters[i], 0));
  return weights;
}

// ---- Clipping by the global norm ------------------------------------------------------------------------

class ClippedNonfinite : public testing::TestWithParam<double> {};

/// Whatever the clip, the message, the numbers and the shares are of the tensor whose gradient is bad.
TEST_P(ClippedNonfinite, IsBlamedOnItsOwnTensor) {
  for (const std::int32_t dtype : {LARS_F32, LARS_F64}) {
    for (const double weight_decay : {0.0, 0.1}) {
      Trainee trainee = scalars(dtype, {1, 2, 3}, {1, GetParam(), 1});
      trainee.set(LARS_WEIGHT_DECAY, weight_decay);
      ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
      EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
      EXPECT_EQ(std::string(lars_error_message(trainee.get())),
                "the gradient of 'p1' (index 1) holds NaN or Inf in 1 of 1 elements; nothing was written");
      ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
      EXPECT_EQ(trainee.step(), LARS_SKIPPED);
      std::vector<double> skipped(3);
      ASSERT_EQ(lars_telemetry(trainee.get(), LARS_TELEMETRY_SKIPPED_SHARE, skipped.data()), LARS_OK);
      EXPECT_EQ(skipped, (std::vector<double>{0, 1, 0}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Values, ClippedNonfinite, testing::Values(kInf, -kInf, kNan));

/// optax.clip_by_global_norm: g if the norm is below the maximum, else g / norm * maximum.
TEST(ClippedPropagation, IsOptaxsInEveryOrder) {
  std::vector<double> gradients = {0, 2, 5, kNan};
  do {
    Trainee trainee = scalars(LARS_F32, {1, 1, 1, 1}, gradients);
    ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
    ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
    ASSERT_EQ(trainee.step(), LARS_OK);
    for (const double weight : weights_of(trainee)) EXPECT_TRUE(std::isnan(weight)) << weight;
  } while (std::next_permutation(gradients.begin(), gradients.end(),
                                 [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }));
  gradients = {0, 2, 5, kInf};
  do {
    Trainee trainee = scalars(LARS_F32, {1, 1, 1, 1}, gradients);
    ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
    ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
    ASSERT_EQ(trainee.step(), LARS_OK);
    const std::vector<double> weights = weights_of(trainee);
    for (std::size_t i = 0; i < 4; ++i) {
      if (std::isinf(gradients[i])) {
        EXPECT_TRUE(std::isnan(weights[i]));
      } else {
        EXPECT_EQ(weights[i], 1.0);
      }
    }
  } while (std::next_permutation(gradients.begin(), gradients.end()));
}

TEST(ClippedNorm, ThatIsBeyondBinary64IsClippedStill) {
  Trainee trainee = scalars(LARS_F64, {0, 0}, {1.7e308, -1.7e308});
  ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1e300), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
  const std::vector<double> weights = weights_of(trainee);
  EXPECT_NEAR(weights[0], -1e300 / std::sqrt(2.0), 1e285);
  EXPECT_NEAR(weights[1], 1e300 / std::sqrt(2.0), 1e285);
}

/// One gradient alone beyond binary64 cannot be clipped; its sum with λ w is finite, and would be a step.
TEST(ClippedNorm, OfOneTensorBeyondBinary64IsRefused) {
  Trainee trainee({{"w", LARS_F64, {4}}});
  for (std::size_t i = 0; i < 4; ++i) {
    set_element(trainee.specs()[0], trainee.parameters[0], i, -1.7e208);
    set_element(trainee.specs()[0], trainee.gradients[0], i, 1.7e308);
  }
  trainee.set(LARS_LEARNING_RATE, 1e-100);
  trainee.set(LARS_WEIGHT_DECAY, 1e100);
  EXPECT_EQ(lars_set_gradient_clip(trainee.get(), 1e300), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_NE(std::string(lars_error_message(trainee.get())).find("finite elements whose norms overflow"),
            std::string::npos)
      << lars_error_message(trainee.get());
  EXPECT_EQ(lars_set_gradient_clip(trainee.get(), kInf), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
}

// ---- Steps that would write Inf -------------------------------------------------------------------------

struct Overflow {
  const char* name;
  double weight, gradient;
  std::function<void(Trainee&)> configure;
};

void PrintTo(const Overflow& overflow, std::ostream* out) { *out << overflow.name; }

class Overflows : public testing::TestWithParam<Overflow> {};

TEST_P(Overflows, AreRefusedAndSkipped) {
  Trainee trainee = scalars(LARS_F32, {GetParam().weight}, {GetParam().gradient});
  GetParam().configure(trainee);
  const std::vector<double> before = weights_of(trainee);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE) << weights_of(trainee)[0];
  EXPECT_EQ(weights_of(trainee), before);
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_SKIPPED);
  EXPECT_EQ(weights_of(trainee), before);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Overflows,
    testing::Values(
        // The learning rate is rounded up to binary32, and the step with it beyond the greatest number.
        Overflow{"step_beyond_by_rounding", 1.0, 2.0 - 0x1p-22,
                 [](Trainee& trainee) {
                   const double greatest = std::numeric_limits<float>::max();
                   trainee.set(LARS_LEARNING_RATE, std::nextafter(greatest / (2.0 - 0x1p-22), 0.0));
                 }},
        // |d + λ w| is small, but d alone enters the momentum.
        Overflow{"decay_for_the_norm_alone", 1e10, -9.999999e9,
                 [](Trainee& trainee) {
                   trainee.set(LARS_WEIGHT_DECAY, 1.0);
                   trainee.set(LARS_DECAY_IN_UPDATE, 0);
                   trainee.set(LARS_LEARNING_RATE, 1e30);
                 }},
        Overflow{"no_decay_where_a_norm_is_0", 1e10, -1e10,
                 [](Trainee& trainee) {
                   trainee.set(LARS_WEIGHT_DECAY, 1.0);
                   trainee.set(LARS_ZERO_NORM_DECAY, 0);
                   trainee.set(LARS_LEARNING_RATE, 1e30);
                 }},
        Overflow{"weight_decay_beyond_binary32", 1.0, 1.0,
                 [](Trainee& trainee) {
                   EXPECT_EQ(lars_set_variant(trainee.get(), LARS_VARIANT_PAPER), LARS_OK);
                   trainee.set(LARS_WEIGHT_DECAY, 1e40);
                   trainee.set(LARS_LEARNING_RATE, 1e-30);
                 }},
        Overflow{"the_same_of_a_small_weight", 1e-10, 1.0,
                 [](Trainee& trainee) {
                   EXPECT_EQ(lars_set_variant(trainee.get(), LARS_VARIANT_PAPER), LARS_OK);
                   trainee.set(LARS_WEIGHT_DECAY, 1e40);
                   trainee.set(LARS_LEARNING_RATE, 1e-30);
                 }},
        Overflow{"decayed_weight_beyond_binary32", 1e10, 1.0,
                 [](Trainee& trainee) {
                   EXPECT_EQ(lars_set_variant(trainee.get(), LARS_VARIANT_PAPER), LARS_OK);
                   trainee.set(LARS_WEIGHT_DECAY, 1e30);
                   trainee.set(LARS_LEARNING_RATE, 1e-30);
                 }},
        Overflow{"the_same_with_clipped_gradients", 1e10, 10.0,
                 [](Trainee& trainee) {
                   EXPECT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
                   trainee.set(LARS_WEIGHT_DECAY, 1e30);
                   trainee.set(LARS_LEARNING_RATE, 1e-30);
                 }}),
    [](const testing::TestParamInfo<Overflow>& overflow) { return overflow.param.name; });

}  // namespace
}  // namespace lars_test
