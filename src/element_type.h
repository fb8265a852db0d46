// Element types, and the pairs of parameter and gradient type that a step knows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lars/lars.h"

namespace lars {

enum class ElementType : std::int32_t { f16 = LARS_F16, f32 = LARS_F32, f64 = LARS_F64, bf16 = LARS_BF16 };

/// The element type of that number; LARS_ERR_TYPE if there is none.
ElementType element_type_from_number(std::int32_t number);

/// "F32".
const char* element_type_name(ElementType type);

constexpr std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::f16:
    case ElementType::bf16: return 2;
    case ElementType::f32: return 4;
    case ElementType::f64: return 8;
  }
  return 0;
}

/// The type in which a parameter's step is computed, and that of its momentum and accumulators.
constexpr ElementType compute_type(ElementType parameter) {
  return parameter == ElementType::f64 ? ElementType::f64 : ElementType::f32;
}

/// Bytes that the library keeps of an element's master besides the parameter itself: a whole binary32 for
/// F16, its lower half for BF16 (low_precision.h).
constexpr std::size_t master_size(ElementType parameter) {
  switch (parameter) {
    case ElementType::f16: return 4;
    case ElementType::bf16: return 2;
    default: return 0;
  }
}

/// The gradient's type may be the parameter's own, the compute type, or a 16-bit type for an F32 parameter.
constexpr bool allowed_pair(ElementType parameter, ElementType gradient) {
  return gradient == parameter || gradient == compute_type(parameter) ||
         (parameter == ElementType::f32 && element_size(gradient) == 2);
}

/// Calls body with a zero of the type in which a parameter's step is computed.
template <class Body>
decltype(auto) with_compute_type(ElementType parameter, const Body& body) {
  return compute_type(parameter) == ElementType::f64 ? body(0.0) : body(0.0F);
}

}  // namespace lars
