// One tensor: what is known of it and what the optimizer keeps for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hyperparameters.h"
#include "trust_ratio.h"

namespace lars {

enum class ElementType : std::int32_t { f32 = LARS_F32, f64 = LARS_F64 };

/// The element type of that number; LARS_ERR_TYPE if there is none.
ElementType element_type_from_number(std::int32_t number);

inline std::size_t element_size(ElementType type) {
  return type == ElementType::f32 ? sizeof(float) : sizeof(double);
}

/// Calls body with a zero of the type's C++ type.
template <class Body>
void with_element_type(ElementType type, const Body& body) {
  switch (type) {
    case ElementType::f32: return body(0.0F);
    case ElementType::f64: return body(0.0);
  }
}

struct Parameter {
  std::string name;
  ElementType type;
  std::vector<std::int64_t> shape;
  std::uint64_t count;  // elements: the product of the shape
  Hyperparameters hyperparameters;

  std::uint64_t steps = 0;
  LayerNorms last_norms;  // of the last step, if steps > 0

  [[nodiscard]] std::uint64_t bytes() const { return count * element_size(type); }
};

/// A parameter as lars_add_parameter describes it, checked: LARS_ERR_NAME, LARS_ERR_TYPE or LARS_ERR_SHAPE.
Parameter make_parameter(const char* name, std::int32_t type, std::uint32_t ndim, const std::int64_t* shape);

}  // namespace lars
