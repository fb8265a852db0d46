#include "parameter.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>

#include "error.h"
#include "utf8.h"

namespace lars {
namespace {

/// No object is larger, so no valid buffer can be.
constexpr auto kMaxBytes = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());

std::string checked_name(const char* name) {
  const std::string_view text(name);
  if (text.empty())
    fail(LARS_ERR_NAME, "name is empty; give every parameter a name, such as \"conv1.weight\"");
  if (text.size() > LARS_MAX_NAME) {
    fail(LARS_ERR_NAME, "name has {} bytes; at most {} are allowed: \"{}\"", text.size(), LARS_MAX_NAME,
         shown(text));
  }
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (!character.valid) {
      fail(LARS_ERR_NAME, "name \"{}\" is not UTF-8, for its byte {} is 0x{:02x}; names must be UTF-8",
           shown(text), at, byte);
    }
    if (character.control) {
      const auto last = static_cast<unsigned char>(text[at + character.bytes - 1]);  // of C1, the code itself
      fail(LARS_ERR_NAME, "name has the control character 0x{:02x} at byte {}; remove it", last, at);
    }
    at += character.bytes;
  }
  return std::string(text);
}

std::uint64_t checked_count(const std::string& name, ElementType type, std::span<const std::int64_t> shape) {
  // An empty tensor is empty whatever its other extents, so zeros are looked for before products can
  // overflow.
  bool empty = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) {
      fail(LARS_ERR_SHAPE, "shape[{}] of '{}' is {}; extents must be at least 0", i, name, shape[i]);
    }
    empty = empty || shape[i] == 0;
  }
  if (empty) return 0;
  const std::uint64_t limit = kMaxBytes / element_size(compute_type(type));  // momentum has the compute type
  std::uint64_t count = 1;
  for (const std::int64_t signed_extent : shape) {
    const auto extent = static_cast<std::uint64_t>(signed_extent);
    if (extent > limit / count) {
      fail(LARS_ERR_SHAPE,
           "shape of '{}': the number of elements overflows; at most {} of this type can be addressed", name,
           limit);
    }
    count *= extent;
  }
  return count;
}

}  // namespace

ElementType element_type_from_number(std::int32_t number) {
  if (number != LARS_F16 && number != LARS_F32 && number != LARS_F64 && number != LARS_BF16) {
    fail(LARS_ERR_TYPE,
         "dtype {} is unknown; the element types are LARS_F16 ({}), LARS_F32 ({}), LARS_F64 ({}) and "
         "LARS_BF16 "
         "({})",
         number, LARS_F16, LARS_F32, LARS_F64, LARS_BF16);
  }
  return static_cast<ElementType>(number);
}

const char* element_type_name(ElementType type) {
  switch (type) {
    case ElementType::f16: return "F16";
    case ElementType::f32: return "F32";
    case ElementType::f64: return "F64";
    case ElementType::bf16: return "BF16";
  }
  return "";
}

void check_gradient_type(const Parameter& parameter, ElementType gradient) {
  if (allowed_pair(parameter.type, gradient)) return;
  const char* choices = "";
  switch (parameter.type) {
    case ElementType::f16: choices = "F16 or F32"; break;
    case ElementType::f32: choices = "F32, F16 or BF16"; break;
    case ElementType::f64: choices = "F64"; break;
    case ElementType::bf16: choices = "BF16 or F32"; break;
  }
  fail(LARS_ERR_TYPE, "the gradient of '{}' cannot be {}; that of a parameter in {} must be {}",
       parameter.name, element_type_name(gradient), element_type_name(parameter.type), choices);
}

Parameter make_parameter(const char* name, std::int32_t type, std::uint32_t ndim, const std::int64_t* shape) {
  Parameter parameter;
  parameter.name = checked_name(name);
  parameter.type = element_type_from_number(type);
  parameter.gradient_type = parameter.type;
  if (ndim > LARS_MAX_NDIM) {
    fail(LARS_ERR_SHAPE, "ndim of '{}' is {}; at most {} dimensions are allowed", parameter.name, ndim,
         LARS_MAX_NDIM);
  }
  if (ndim > 0 && shape == nullptr) {
    fail(LARS_ERR_ARGUMENT, "shape is NULL; '{}' has {} dimensions, so it must point to as many extents",
         parameter.name, ndim);
  }
  if (ndim > 0) parameter.shape.assign(shape, shape + ndim);
  parameter.count = checked_count(parameter.name, parameter.type, parameter.shape);
  return parameter;
}

}  // namespace lars
