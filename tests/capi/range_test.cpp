// Norms far outside the range in which squares can be formed, and steps at the edges of the types.
#include <gtest/gtest.h>

#include <cmath>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// Equal but for the rounding of up to 256 additions in a lane, all of which may fall the same way.
void expect_almost_equal(double actual, double expected) { EXPECT_NEAR(actual, expected, 1e-14 * expected); }

struct Norms {
  double weight = 0.0;
  double update = 0.0;
  double ratio = 0.0;
};

Norms step_of(std::int32_t dtype, std::int64_t count, double w, double g, const char* kernels = "reference") {
  Trainee trainee({{"w", dtype, {count}}});
  trainee.set(LARS_LEARNING_RATE, 1e-3);  // so that steps of the greatest numbers are finite
  trainee.set(LARS_TRUST_COEFFICIENT, 0.5);
  EXPECT_EQ(lars_set_kernels(trainee.get(), kernels), LARS_OK);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    set_element(trainee.specs()[0], trainee.parameters[0], i, w);
    set_element(trainee.specs()[0], trainee.gradients[0], i, g);
  }
  EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
  Norms norms;
  EXPECT_EQ(lars_norms(trainee.get(), 0, &norms.weight, &norms.update, &norms.ratio), LARS_OK);
  return norms;
}

TEST(Range, F64NormsDoNotOverflow) {
  for (const double w : {1e150, 1e160, 1e200, 1e300}) {
    const Norms norms = step_of(LARS_F64, 10000, w, w);
    expect_almost_equal(norms.weight, 100.0 * w);
    expect_almost_equal(norms.update, 100.0 * w);
    EXPECT_DOUBLE_EQ(norms.ratio, 0.5);
  }
}

TEST(Range, F64NormsDoNotUnderflow) {
  for (const double w : {1e-140, 1e-150, 1e-160, 1e-200, 1e-300}) {
    const Norms norms = step_of(LARS_F64, 10000, w, w);
    expect_almost_equal(norms.weight, 100.0 * w);
    expect_almost_equal(norms.update, 100.0 * w);
    EXPECT_DOUBLE_EQ(norms.ratio, 0.5);
  }
  const double smallest = 0x1p-1074;
  const Norms norms = step_of(LARS_F64, 4, smallest, smallest);
  EXPECT_EQ(norms.weight, 2 * smallest);
  EXPECT_EQ(norms.ratio, 0.5);
}

TEST(Range, F64NormsOfMixedMagnitudeScaleApart) {
  const Norms norms = step_of(LARS_F64, 9, 1e120, 1e-170);
  expect_almost_equal(norms.weight, 3e120);
  expect_almost_equal(norms.update, 3e-170);
}

TEST(Range, F64TinyNextToOneIsNotLost) {
  Trainee trainee({{"w", LARS_F64, {2}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  set_element(trainee.specs()[0], trainee.parameters[0], 0, 3e-170);
  set_element(trainee.specs()[0], trainee.parameters[0], 1, 4e-170);
  ASSERT_EQ(trainee.step(), LARS_OK);
  double weight_norm = 0.0;
  ASSERT_EQ(lars_norms(trainee.get(), 0, &weight_norm, nullptr, nullptr), LARS_OK);
  EXPECT_DOUBLE_EQ(weight_norm, 5e-170);
}

TEST(Range, F32NormsHaveTheRangeOfF64) {
  for (const double w : {1e-42, 1e-30, 1e30, 3e38}) {
    const auto narrow = static_cast<double>(static_cast<float>(w));
    const Norms norms = step_of(LARS_F32, 10000, w, w);
    expect_almost_equal(norms.weight, 100.0 * narrow);
    EXPECT_DOUBLE_EQ(norms.ratio, 0.5);
  }
}

#ifdef LARS_WITH_OPENBLAS
TEST(Range, BlasKernelsHaveTheSameRange) {
  for (const double w : {1e-42, 1e-36, 1e-30, 1e30, 1e37, 3e38}) {
    const Norms expected = step_of(LARS_F32, 10000, w, w);
    const Norms norms = step_of(LARS_F32, 10000, w, w, "blas");
    EXPECT_NEAR(norms.weight, expected.weight, 1e-6 * expected.weight) << w;
    EXPECT_NEAR(norms.ratio, expected.ratio, 1e-6) << w;
  }
  for (const double w : {1e-300, 1e-160, 1e160, 1e300}) {
    const Norms expected = step_of(LARS_F64, 10000, w, w);
    const Norms norms = step_of(LARS_F64, 10000, w, w, "blas");
    EXPECT_NEAR(norms.weight, expected.weight, 1e-14 * expected.weight) << w;
    EXPECT_NEAR(norms.ratio, expected.ratio, 1e-14) << w;
  }
}
#endif

TEST(Range, NormsThatOverflowF64ItselfAreRefused) {
  Trainee trainee({{"w", LARS_F64, {10000}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  for (std::size_t i = 0; i < 10000; ++i) set_element(trainee.specs()[0], trainee.parameters[0], i, 1.7e308);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
}

TEST(Range, ZeroNormsGiveRatioOne) {
  EXPECT_EQ(step_of(LARS_F64, 5, 0.0, 0.3).ratio, 1.0);
  EXPECT_EQ(step_of(LARS_F64, 5, 0.3, 0.0).ratio, 1.0);
  EXPECT_EQ(step_of(LARS_F32, 5, 0.0, 0.3).ratio, 1.0);
  EXPECT_EQ(step_of(LARS_F32, 5, 0.3, 0.0).ratio, 1.0);
}

}  // namespace
}  // namespace lars_test
