#include "inputs.h"

#include <cmath>
#include <limits>

namespace lars_parity {
namespace {

constexpr int value_bits = 24;

/// FNV-1a.
std::uint64_t seed_of(const std::string& text) {
  std::uint64_t digest = 0xCBF29CE484222325U;
  for (const char character : text) {
    digest = (digest ^ static_cast<unsigned char>(character)) * 0x100000001B3U;
  }
  return digest;
}

/// Output number `index` of splitmix64.
std::uint64_t random_bits(std::uint64_t seed, std::size_t index) {
  std::uint64_t state = seed + (index + 1) * 0x9E3779B97F4A7C15U;
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31U);
}

/// In [-1, 1) * 2^exponent.
double random_value(std::uint64_t seed, std::size_t index, int exponent) {
  const auto bits = static_cast<std::int64_t>(random_bits(seed, index) >> (64U - value_bits));
  const std::int64_t integer = bits - (std::int64_t{1} << (value_bits - 1));
  return std::ldexp(static_cast<double>(integer), exponent - (value_bits - 1));
}

bool is_zero(const std::string& pattern, std::uint64_t step) {
  return pattern == "zero" || (pattern == "zero_first" && step == 0) ||
         (pattern == "alternating" && step % 2 == 1);
}

/// The value that a non-finite pattern plants; 0 for any other pattern.
double special_value(const std::string& pattern) {
  if (pattern == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (pattern == "inf") return std::numeric_limits<double>::infinity();
  if (pattern == "negative_inf") return -std::numeric_limits<double>::infinity();
  return 0.0;
}

}  // namespace

std::vector<double> input_values(const std::string& case_name, const std::string& tensor_name, Role role,
                                 const Content& content, std::uint64_t step, std::size_t count) {
  std::vector<double> values(count, 0.0);
  if (is_zero(content.pattern, step)) return values;

  const std::string role_name = role == Role::parameter ? "parameter" : "gradient";
  const std::uint64_t seed =
      seed_of(case_name + "/" + tensor_name + "/" + role_name + "/" + std::to_string(step));
  for (std::size_t i = 0; i < count; ++i) values[i] = random_value(seed, i, content.exponent);

  const double special = special_value(content.pattern);
  if (special != 0.0 && count > 0 && (role == Role::parameter || step == 1)) values[count / 2] = special;
  return values;
}

}  // namespace lars_parity
