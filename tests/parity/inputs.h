// Parameters and gradients of a golden case, made from its name: the same numbers as inputs.py makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lars_parity {

enum class Role { parameter, gradient };

/// What one tensor holds; inputs.py names the patterns.
struct Content {
  std::string pattern;
  int exponent;
};

/// The `count` elements of one tensor at one step. All are exact in float too.
std::vector<double> input_values(const std::string& case_name, const std::string& tensor_name, Role role,
                                 const Content& content, std::uint64_t step, std::size_t count);

}  // namespace lars_parity
