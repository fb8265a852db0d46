// One tensor: what is known of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "element_type.h"
#include "hyperparameters.h"

namespace lars {

struct Parameter {
  std::string name;
  ElementType type;
  std::vector<std::int64_t> shape;
  std::uint64_t count;  // elements: the product of the shape
  ElementType gradient_type;
  Hyperparameters hyperparameters;

  [[nodiscard]] std::uint64_t bytes() const { return count * element_size(type); }
  [[nodiscard]] std::uint64_t gradient_bytes() const { return count * element_size(gradient_type); }
  /// Of the momentum, or of the accumulator.
  [[nodiscard]] std::uint64_t compute_bytes() const { return count * element_size(compute_type(type)); }
  [[nodiscard]] std::uint64_t master_bytes() const { return count * master_size(type); }
};

/// A parameter as lars_add_parameter describes it, checked: LARS_ERR_NAME, LARS_ERR_TYPE or LARS_ERR_SHAPE.
/// Its gradient has its own type.
Parameter make_parameter(const char* name, std::int32_t type, std::uint32_t ndim, const std::int64_t* shape);

/// LARS_ERR_TYPE, naming the parameter, unless its gradient may have that type.
void check_gradient_type(const Parameter& parameter, ElementType gradient);

}  // namespace lars
