// 16-bit elements: conversions of one element, which the SIMD kernels repeat lane by lane.
//
// Roundings are integer operations, so that they do not depend on the host's rounding mode.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace lars {

// ---- binary16 -------------------------------------------------------------------------------------------

/// Exact. NaN keeps its payload.
inline float float_from_half(std::uint16_t half) {
  constexpr std::uint32_t kExponent = 0x7c00U << 13;
  const std::uint32_t sign = (half & 0x8000U) << 16;
  std::uint32_t bits = (half & 0x7fffU) << 13;
  const std::uint32_t exponent = bits & kExponent;
  bits += (127U - 15U) << 23;
  if (exponent == kExponent) {
    bits += (128U - 16U) << 23;  // Inf, NaN
  } else if (exponent == 0) {
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(half & 0x3ffU) * 0x1p-24F);  // subnormal; exact
  }
  return std::bit_cast<float>(bits | sign);
}

/// To nearest, ties to even. NaN becomes the quiet NaN without payload, of the same sign.
inline std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  std::uint32_t half = 0;
  if (magnitude >= 0x47800000U) {  // 2^16 and above
    half = magnitude > 0x7f800000U ? 0x7e00U : 0x7c00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: in units of 2^-24; all below half a unit are alike
    const std::uint32_t significand = (magnitude & 0x7fffffU) | 0x800000U;
    const std::uint32_t shift = std::min(126U - (magnitude >> 23), 25U);
    const std::uint32_t odd = (significand >> shift) & 1U;
    half = (significand + (1U << (shift - 1U)) - 1U + odd) >> shift;
  } else {
    const std::uint32_t odd = (magnitude >> 13) & 1U;
    half = (magnitude - ((127U - 15U) << 23) + 0xfffU + odd) >> 13;
  }
  return static_cast<std::uint16_t>(half | sign);
}

inline bool half_is_finite(std::uint16_t half) { return (half & 0x7c00U) != 0x7c00U; }

/// The weight that a binary16 parameter and its binary32 master stand for: the master, unless the parameter
/// is not what the master rounds to, which means that it was changed from outside. A zeroed master of a new
/// parameter is a special case of that.
inline float join_half(std::uint16_t parameter, float master) {
  return half_from_float(master) == parameter ? master : float_from_half(parameter);
}

/// The parameter for a new weight; master becomes the weight, or Inf or NaN like the parameter.
inline std::uint16_t split_half(float weight, float& master) {
  const std::uint16_t parameter = half_from_float(weight);
  master = half_is_finite(parameter) ? weight : float_from_half(parameter);
  return parameter;
}

// ---- bfloat16 -------------------------------------------------------------------------------------------

/// Exact.
inline float float_from_bfloat(std::uint16_t bfloat) {
  return std::bit_cast<float>(std::uint32_t{bfloat} << 16);
}

/// The split form: parameter = the weight rounded to bfloat16, lower = the signed distance in units of the
/// binary32, so that weight bits = parameter bits * 2^16 + lower. For that to be unambiguous, lower must fit
/// 16 bits with sign: -2^15 to 2^15 - 1, so the tie, +2^15, must be written as -2^15 from the next larger
/// magnitude. That is rounding to nearest, ties away from zero: ties to even would need both.
///
/// Outside the pairs that split_bfloat makes, a parameter was changed from outside; then lower belongs to
/// another value, is less than half a unit of the parameter, and is kept, except where the sum would leave
/// the parameter's sign or finiteness: at zero with a negative lower, and at Inf and NaN.
inline float join_bfloat(std::uint16_t parameter, std::int16_t lower) {
  const bool nonfinite = (parameter & 0x7f80U) == 0x7f80U;
  const bool below_zero = (parameter & 0x7fffU) == 0 && lower < 0;
  const std::uint32_t upper = std::uint32_t{parameter} << 16;
  return std::bit_cast<float>(nonfinite || below_zero ? upper : upper + static_cast<std::uint32_t>(lower));
}

inline std::uint16_t split_bfloat(float weight, std::int16_t& lower) {
  const auto bits = std::bit_cast<std::uint32_t>(weight);
  const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
  const auto parameter = static_cast<std::uint16_t>(is_nan ? (bits >> 16) | 0x40U : (bits + 0x8000U) >> 16);
  const bool nonfinite = (parameter & 0x7f80U) == 0x7f80U;
  lower = nonfinite ? std::int16_t{0} : static_cast<std::int16_t>(static_cast<std::uint16_t>(bits));
  return parameter;
}

}  // namespace lars
