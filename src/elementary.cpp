#include "elementary.h"

#include <cmath>
#include <limits>

namespace lars {
namespace {

/// An unevaluated sum high + low with |low| <= ulp(high) / 2: about 106 bits (Dekker 1971).
struct DoubleDouble {
  double high;
  double low;
};

constexpr DoubleDouble kPi = {0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53};
constexpr DoubleDouble kHalfPi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
constexpr DoubleDouble kLn2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/// a + b exactly, for |a| >= |b| or a == 0.
DoubleDouble fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

/// a + b exactly (Knuth).
DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double a_part = sum - b_part;
  return {sum, (a - a_part) + (b - b_part)};
}

/// a * b exactly, by Veltkamp's splitting rather than FMA, which not every machine has.
DoubleDouble two_product(double a, double b) {
  constexpr double kSplitter = 134217729.0;  // 2^27 + 1
  const double a_scaled = kSplitter * a;
  const double a_high = a_scaled - (a_scaled - a);
  const double a_low = a - a_high;
  const double b_scaled = kSplitter * b;
  const double b_high = b_scaled - (b_scaled - b);
  const double b_low = b - b_high;
  const double product = a * b;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

DoubleDouble add(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble high = two_sum(a.high, b.high);
  const DoubleDouble low = two_sum(a.low, b.low);
  const DoubleDouble partial = fast_two_sum(high.high, high.low + low.high);
  return fast_two_sum(partial.high, partial.low + low.low);
}

DoubleDouble negate(DoubleDouble a) { return {-a.high, -a.low}; }

DoubleDouble multiply(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = two_product(a.high, b.high);
  return fast_two_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

DoubleDouble multiply(DoubleDouble a, double b) { return multiply(a, DoubleDouble{b, 0.0}); }

DoubleDouble divide(DoubleDouble a, DoubleDouble b) {
  const double first = a.high / b.high;
  const DoubleDouble remainder = add(a, negate(multiply(b, first)));
  const double second = remainder.high / b.high;
  const DoubleDouble rest = add(remainder, negate(multiply(b, second)));
  return add(fast_two_sum(first, second), DoubleDouble{rest.high / b.high, 0.0});
}

DoubleDouble divide(DoubleDouble a, double b) { return divide(a, DoubleDouble{b, 0.0}); }

/// start * (1 - y^2/((k+1)(k+2)) + ...): the series of cosine from (1, 0), of sine from (y, 1). |y| <= pi/4,
/// where 15 terms leave less than 2^-110.
DoubleDouble alternating_series(DoubleDouble start, int k, DoubleDouble y) {
  const DoubleDouble minus_square = negate(multiply(y, y));
  DoubleDouble term = start;
  DoubleDouble sum = start;
  for (int i = 0; i < 15; ++i, k += 2) {
    term = divide(multiply(term, minus_square), static_cast<double>((k + 1) * (k + 2)));
    sum = add(sum, term);
  }
  return sum;
}

/// Natural logarithm of x > 0, as e ln 2 + 2 artanh((m - 1) / (m + 1)) with x = m 2^e and m about 1.
DoubleDouble logarithm(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2.0;
    --exponent;
  }
  const DoubleDouble z = divide(DoubleDouble{mantissa - 1.0, 0.0}, two_sum(mantissa, 1.0));
  const DoubleDouble square = multiply(z, z);
  DoubleDouble odd_power = z;
  DoubleDouble sum = z;
  for (int k = 3; k <= 45; k += 2) {  // |z| < 0.172: 0.172^46 < 2^-115
    odd_power = multiply(odd_power, square);
    sum = add(sum, divide(odd_power, static_cast<double>(k)));
  }
  return add(multiply(kLn2, static_cast<double>(exponent)), multiply(sum, 2.0));
}

/// e^x for -746 <= x <= 710, with x = k ln 2 + r, |r| <= ln 2 / 2, by the Taylor series in r.
double exponential(DoubleDouble x) {
  constexpr double kInverseLn2 = 1.4426950408889634;
  const double k = std::floor(x.high * kInverseLn2 + 0.5);
  const DoubleDouble r = add(x, negate(multiply(kLn2, k)));
  DoubleDouble term = {1.0, 0.0};
  DoubleDouble sum = {1.0, 0.0};
  for (int i = 1; i <= 28; ++i) {  // 0.35^29 / 29! < 2^-140
    term = divide(multiply(term, r), static_cast<double>(i));
    sum = add(sum, term);
  }
  return std::ldexp(sum.high + sum.low, static_cast<int>(k));
}

}  // namespace

double cosine(double x) {
  constexpr DoubleDouble kOne = {1.0, 0.0};
  const DoubleDouble angle = {x, 0.0};
  DoubleDouble result{};
  if (x <= 0.25 * kPi.high) {
    result = alternating_series(kOne, 0, angle);
  } else if (x <= 0.75 * kPi.high) {
    const DoubleDouble complement = add(kHalfPi, negate(angle));  // cos x = sin(pi/2 - x)
    result = alternating_series(complement, 1, complement);
  } else {
    result = negate(alternating_series(kOne, 0, add(kPi, negate(angle))));  // cos x = -cos(pi - x)
  }
  return result.high + result.low;
}

double power(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (y == 1.0) return x;
  if (y == 2.0) return x * x;
  if (x == 0.0) return y > 0.0 ? 0.0 : std::numeric_limits<double>::infinity();
  const DoubleDouble log_x = logarithm(x);
  const double estimate = log_x.high * y;  // decides overflow before the exact product could itself overflow
  if (estimate > 710.0) return std::numeric_limits<double>::infinity();
  if (estimate < -746.0) return 0.0;
  return exponential(multiply(log_x, y));
}

}  // namespace lars
