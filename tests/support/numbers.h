// Element types in the tests, by arithmetic and apart from src/: sizes, values, rounding.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lars/lars.h"

namespace lars_test {

inline std::size_t size_of_type(std::int32_t dtype) { return static_cast<std::size_t>(dtype % 256) / 8; }

/// The type in which a parameter of that type is stepped, and that of its momentum.
inline std::int32_t compute_type_of(std::int32_t dtype) { return dtype == LARS_F64 ? LARS_F64 : LARS_F32; }

inline int exponent_bits_of(std::int32_t dtype) { return dtype == LARS_F16 ? 5 : 8; }

/// The value of a 16-bit number: sign, exponent of so many bits, fraction.
inline double value_of_16(std::uint16_t number, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (number & 0x7fff) >> fraction_bits;
  const int fraction = number & ((1 << fraction_bits) - 1);
  const double sign = (number & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

/// The 16-bit number nearest to a value; ties to even for binary16, away from zero for bfloat16.
inline std::uint16_t nearest_16(double value, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto infinity = static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits);
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | infinity | (1 << (fraction_bits - 1)));
  if (value == 0.0) return sign;
  const double magnitude = std::fabs(value);
  if (std::isinf(value)) return sign | infinity;
  const int exponent = std::max(std::ilogb(magnitude), 1 - bias);
  const double units = std::ldexp(magnitude, fraction_bits - exponent);
  const double rounded = exponent_bits == 5 ? std::nearbyint(units) : std::round(units);
  // The fraction's carry goes into the exponent by itself, from subnormal numbers and up to infinity.
  const auto number = (exponent + bias - 1) * (1 << fraction_bits) + static_cast<std::int64_t>(rounded);
  return static_cast<std::uint16_t>(sign | std::min<std::int64_t>(number, infinity));
}

/// Element i of a buffer of that type.
inline double read_number(std::int32_t dtype, const void* buffer, std::size_t i) {
  const auto* at = static_cast<const std::byte*>(buffer) + i * size_of_type(dtype);
  switch (dtype) {
    case LARS_F32: {
      float value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    case LARS_F64: {
      double value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    default: {
      std::uint16_t number = 0;
      std::memcpy(&number, at, sizeof number);
      return value_of_16(number, exponent_bits_of(dtype));
    }
  }
}

/// Rounds a value to that type and stores it as element i.
inline void write_number(std::int32_t dtype, void* buffer, std::size_t i, double value) {
  auto* at = static_cast<std::byte*>(buffer) + i * size_of_type(dtype);
  switch (dtype) {
    case LARS_F32: {
      const auto number = static_cast<float>(value);
      std::memcpy(at, &number, sizeof number);
      break;
    }
    case LARS_F64: std::memcpy(at, &value, sizeof value); break;
    default: {
      const std::uint16_t number = nearest_16(value, exponent_bits_of(dtype));
      std::memcpy(at, &number, sizeof number);
    }
  }
}

}  // namespace lars_test
