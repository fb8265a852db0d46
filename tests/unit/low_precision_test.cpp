// The 16-bit types, against definitions by arithmetic in binary64. tests/parity compares them with NumPy and
// ml_dtypes, too.
#include "low_precision.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "support/numbers.h"

namespace {

using lars_test::value_of_16;

constexpr int kHalfExponent = 5;
constexpr int kBfloatExponent = 8;

/// Floats at which rounding to 16 bits is decided: all 16-bit numbers, the middles between neighbours, and
/// what is next to these; and random ones.
template <class Body>
void for_each_interesting_float(int exponent_bits, const Body& body) {
  for (int number = 0; number <= 0xffff; ++number) {
    const double here = value_of_16(static_cast<std::uint16_t>(number), exponent_bits);
    const double next = value_of_16(static_cast<std::uint16_t>(number + 1), exponent_bits);
    const auto exact = static_cast<float>(here);
    const auto middle = static_cast<float>(here / 2 + next / 2);
    for (const float value : {exact, middle}) {
      body(value);
      body(std::nextafterf(value, INFINITY));
      body(std::nextafterf(value, -INFINITY));
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2'000'000; ++i) body(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
}

bool same(float a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

TEST(Half, WidensToItsValue) {
  for (int number = 0; number <= 0xffff; ++number) {
    const auto half = static_cast<std::uint16_t>(number);
    ASSERT_TRUE(same(lars::float_from_half(half), value_of_16(half, kHalfExponent))) << number;
  }
}

TEST(Half, RoundsToNearestEven) {
  for_each_interesting_float(kHalfExponent, [](float value) {
    const std::uint16_t half = lars::half_from_float(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(value_of_16(half, kHalfExponent)));
      return;
    }
    // Units of the last place at this magnitude, and rounding in them by the host's nearest even.
    const int exponent = std::max(std::ilogb(value == 0.0F ? 1.0F : value), -14);
    const double unit = std::ldexp(1.0, exponent - 10);
    double expected = std::nearbyint(value / unit) * unit;
    if (std::isinf(value) || std::fabs(expected) >= 65536.0) expected = std::copysign(INFINITY, value);
    ASSERT_EQ(value_of_16(half, kHalfExponent), expected) << value;
    ASSERT_EQ((half & 0x8000) != 0, std::signbit(value)) << value;
  });
}

TEST(Half, KeepsWhatTheMasterHasUnlessTheParameterWasChanged) {
  for_each_interesting_float(kHalfExponent, [](float weight) {
    float master = 77.0F;
    const std::uint16_t parameter = lars::split_half(weight, master);
    ASSERT_EQ(parameter, lars::half_from_float(weight));
    const double rounded = value_of_16(parameter, kHalfExponent);
    ASSERT_TRUE(same(master, std::isfinite(rounded) ? weight : rounded)) << weight;
    ASSERT_TRUE(same(lars::join_half(parameter, master), master)) << weight;
    const auto changed = static_cast<std::uint16_t>(parameter ^ 1U);
    ASSERT_TRUE(same(lars::join_half(changed, master), value_of_16(changed, kHalfExponent))) << weight;
  });
  EXPECT_TRUE(same(lars::join_half(0x8000, 0.0F), -0.0));  // a new parameter, whose master is zeroed memory
  EXPECT_TRUE(same(lars::join_half(0x3c00, 0.0F), 1.0));
}

TEST(Bfloat, WidensToItsValue) {
  for (int number = 0; number <= 0xffff; ++number) {
    const auto bfloat = static_cast<std::uint16_t>(number);
    ASSERT_TRUE(same(lars::float_from_bfloat(bfloat), value_of_16(bfloat, kBfloatExponent))) << number;
  }
}

/// Rounding to nearest, ties away from zero; and the pair of parameter and lower half gives the weight back.
TEST(Bfloat, SplitsSoThatNothingIsLost) {
  for_each_interesting_float(kBfloatExponent, [](float weight) {
    std::int16_t lower = 77;
    const std::uint16_t parameter = lars::split_bfloat(weight, lower);
    const double rounded = value_of_16(parameter, kBfloatExponent);
    if (std::isnan(weight)) {
      ASSERT_TRUE(std::isnan(rounded));
      ASSERT_NE(parameter & 0x40, 0) << "a signalling NaN";
      ASSERT_EQ(lower, 0);
      ASSERT_TRUE(std::isnan(lars::join_bfloat(parameter, lower)));
      return;
    }
    const int exponent = std::max(std::ilogb(weight == 0.0F ? 1.0F : weight), -126);
    const double unit = std::ldexp(1.0, exponent - 7);
    double expected = std::round(weight / unit) * unit;  // away from zero
    if (std::fabs(expected) >= 0x1p128 || std::isinf(weight)) expected = std::copysign(INFINITY, weight);
    ASSERT_EQ(rounded, expected) << weight;
    const float back = lars::join_bfloat(parameter, lower);
    ASSERT_TRUE(same(back, std::isfinite(rounded) ? weight : rounded)) << weight;
  });
}

/// A parameter that was changed from outside keeps its value to half a unit, whatever lower half it meets.
TEST(Bfloat, TakesAChangedParameter) {
  for (int number = 0; number <= 0xffff; ++number) {
    const auto bfloat = static_cast<std::uint16_t>(number);
    const double value = value_of_16(bfloat, kBfloatExponent);
    for (const int lower : {-0x8000, -0x7fff, -1, 0, 1, 0x7fff}) {
      const float joined = lars::join_bfloat(bfloat, static_cast<std::int16_t>(lower));
      if (!std::isfinite(value)) {
        ASSERT_TRUE(same(joined, value)) << number;
        continue;
      }
      ASSERT_TRUE(std::isfinite(joined)) << number << ' ' << lower;
      ASSERT_EQ(std::signbit(joined), std::signbit(value)) << number << ' ' << lower;
      const int exponent = std::max(value == 0.0 ? -126 : std::ilogb(value), -126);
      ASSERT_LE(std::fabs(joined - value), std::ldexp(0.5, exponent - 7)) << number << ' ' << lower;
    }
  }
}

}  // namespace
