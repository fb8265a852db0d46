#include "array_check.h"

#include <limits>
#include <string>

#include "error.h"

namespace lars {
namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::parameter: return "parameter";
    case Role::gradient: return "gradient";
    case Role::momentum: return "momentum";
    case Role::master: return "master";
  }
  return "";
}

/// "F32"; a number that is no type, as it is.
std::string dtype_name(std::int32_t dtype) {
  switch (dtype) {
    case LARS_F16:
    case LARS_F32:
    case LARS_F64:
    case LARS_BF16: return element_type_name(static_cast<ElementType>(dtype));
    case LARS_I16: return "I16";
    default: return formatted("dtype {}", dtype);
  }
}

std::int32_t expected_dtype(const Parameter& parameter, Role role) {
  switch (role) {
    case Role::parameter: return static_cast<std::int32_t>(parameter.type);
    case Role::gradient: return static_cast<std::int32_t>(parameter.gradient_type);
    case Role::momentum: return static_cast<std::int32_t>(compute_type(parameter.type));
    case Role::master: return parameter.type == ElementType::bf16 ? LARS_I16 : LARS_F32;
  }
  return 0;
}

/// Only F16 and BF16 parameters have masters.
std::uint64_t expected_elements(const Parameter& parameter, Role role) {
  return role == Role::master && master_size(parameter.type) == 0 ? 0 : parameter.count;
}

}  // namespace

Role role_from_number(std::int32_t number) {
  if (number < LARS_ROLE_PARAMETER || number > LARS_ROLE_MASTER) {
    fail(LARS_ERR_ARGUMENT,
         "role {} is unknown; the choices are LARS_ROLE_PARAMETER ({}), LARS_ROLE_GRADIENT ({}), "
         "LARS_ROLE_MOMENTUM ({}) and LARS_ROLE_MASTER ({})",
         number, LARS_ROLE_PARAMETER, LARS_ROLE_GRADIENT, LARS_ROLE_MOMENTUM, LARS_ROLE_MASTER);
  }
  return static_cast<Role>(number);
}

void check_array(const Parameter& parameter, std::uint32_t index, Role role, Array array) {
  const std::uint64_t elements = expected_elements(parameter, role);
  if (array.elements != elements) {
    fail(LARS_ERR_SHAPE, "{} of '{}' (index {}) has {} elements; {} are needed for shape [{}] in {}",
         role_name(role), parameter.name, index, array.elements, elements, joined(parameter.shape),
         element_type_name(parameter.type));
  }
  const std::int32_t dtype = expected_dtype(parameter, role);
  if (elements != 0 && array.dtype != dtype) {
    fail(LARS_ERR_TYPE, "{} of '{}' (index {}) is {}; it must be {}{}", role_name(role), parameter.name,
         index, dtype_name(array.dtype), dtype_name(dtype),
         role == Role::gradient ? ", unless lars_set_gradient_dtype says otherwise" : "");
  }
}

void check_arrays(const std::deque<Parameter>& parameters, Role role, std::span<const std::int32_t> dtypes,
                  const std::uint64_t* elements) {
  if (dtypes.size() != parameters.size()) {
    fail(LARS_ERR_ARGUMENT, "{} given, but there {} {}; each needs one, in order of index",
         dtypes.size() == 1 ? formatted("1 {} array was", role_name(role))
                            : formatted("{} {} arrays were", dtypes.size(), role_name(role)),
         parameters.size() == 1 ? "is" : "are", counted(parameters.size(), "parameter"));
  }
  for (std::uint32_t index = 0; index < dtypes.size(); ++index) {
    check_array(parameters[index], index, role, {dtypes[index], elements[index]});
  }
}

void check_flat(const std::deque<Parameter>& parameters, Role role, Array array) {
  std::uint64_t total = 0;
  for (std::uint32_t index = 0; index < parameters.size(); ++index) {
    const std::uint64_t elements = expected_elements(parameters[index], role);
    check_array(parameters[index], index, role, {array.dtype, elements});
    if (elements > std::numeric_limits<std::uint64_t>::max() - total) {
      fail(LARS_ERR_SHAPE, "all {} parameters together have more elements than can be counted",
           parameters.size());
    }
    total += elements;
  }
  if (array.elements != total) {
    fail(LARS_ERR_SHAPE, "the flat array given as {} has {} elements; those of all {} parameters are {}",
         role_name(role), array.elements, parameters.size(), total);
  }
}

}  // namespace lars
