#include "elementary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>

namespace {

double ulp(double value) { return std::nextafter(std::fabs(value), INFINITY) - std::fabs(value); }

/// The correctly rounded result lies within half a unit of the true one, and long double's (64 bits) within
/// 2^-11 of a unit more. A bound of 0.51 would be missed by any function that is merely accurate to one unit.
void expect_correctly_rounded(double actual, long double expected) {
  const long double error = std::fabs(static_cast<long double>(actual) - expected);
  EXPECT_LE(error, 0.51L * static_cast<long double>(ulp(actual)));
}

TEST(Cosine, IsCorrectlyRounded) {
#ifdef __MINGW32__
  GTEST_SKIP() << "mingw-w64's cosine of long double is no more accurate than that of double";
#endif
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> angle(0.0, std::numbers::pi);
  for (int i = 0; i < 20000; ++i) {
    const double x = angle(generator);
    SCOPED_TRACE(x);
    expect_correctly_rounded(lars::cosine(x), std::cos(static_cast<long double>(x)));
  }
}

TEST(Cosine, IsExactAtTheEnds) {
  EXPECT_EQ(lars::cosine(0.0), 1.0);
  EXPECT_EQ(lars::cosine(std::numbers::pi), -1.0);
  EXPECT_DOUBLE_EQ(lars::cosine((std::numbers::pi / 2.0)),
                   6.123233995736766e-17);  // M_PI_2 lies that far below pi/2
}

TEST(Power, IsCorrectlyRounded) {
  std::mt19937_64 generator(2);
  std::uniform_real_distribution<double> base(0.0, 2.0);
  std::uniform_real_distribution<double> exponent(-3.0, 12.0);
  for (int i = 0; i < 20000; ++i) {
    const double x = base(generator);
    const double y = exponent(generator);
    SCOPED_TRACE(testing::Message() << x << "^" << y);
    expect_correctly_rounded(lars::power(x, y),
                             std::pow(static_cast<long double>(x), static_cast<long double>(y)));
  }
}

TEST(Power, OfSmallIntegersIsExact) {
  for (int base = 1; base <= 20; ++base) {
    double expected = 1.0;
    for (int exponent = 0; exponent <= 12; ++exponent, expected *= base) {
      EXPECT_EQ(lars::power(base, exponent), expected) << base << "^" << exponent;
    }
  }
}

/// Where the square lies half-way between two numbers, no series decides.
TEST(Power, OfTwoIsTheSquare) {
  std::mt19937_64 generator(3);
  std::uniform_int_distribution<std::int64_t> bits27(1 << 26, (1 << 27) - 1);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(static_cast<double>(bits27(generator)), -27);
    ASSERT_EQ(lars::power(x, 2.0), x * x) << x;
  }
}

TEST(Power, HandlesTheSpecialCases) {
  EXPECT_EQ(lars::power(0.0, 0.0), 1.0);
  EXPECT_EQ(lars::power(0.0, 0.5), 0.0);
  EXPECT_EQ(lars::power(0.0, -1.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(lars::power(1.0, 1e300), 1.0);
  EXPECT_EQ(lars::power(0.37, 1.0), 0.37);
  EXPECT_EQ(lars::power(2.0, 1e300), std::numeric_limits<double>::infinity());
  EXPECT_EQ(lars::power(0.5, 1e300), 0.0);
  EXPECT_EQ(lars::power(2.0, -1074.0), 0x1p-1074);
}

}  // namespace
