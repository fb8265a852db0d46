// Whether arrays that know their type and length are what a step takes.
#pragma once

#include <cstdint>
#include <deque>
#include <span>

#include "parameter.h"

namespace lars {

enum class Role : std::int32_t {
  parameter = LARS_ROLE_PARAMETER,
  gradient = LARS_ROLE_GRADIENT,
  momentum = LARS_ROLE_MOMENTUM,
  master = LARS_ROLE_MASTER,
};

/// The role of that number; LARS_ERR_ARGUMENT if there is none.
Role role_from_number(std::int32_t number);

/// An array as the caller describes it.
struct Array {
  std::int32_t dtype;
  std::uint64_t elements;
};

/// LARS_ERR_TYPE or LARS_ERR_SHAPE, naming the parameter, if it is not the array of that role.
void check_array(const Parameter& parameter, std::uint32_t index, Role role, Array array);

/// LARS_ERR_INDEX unless there are as many arrays as parameters; then each of them.
void check_arrays(const std::deque<Parameter>& parameters, Role role, std::span<const std::int32_t> dtypes,
                  const std::uint64_t* elements);

/// One array that holds those of all parameters, end to end.
void check_flat(const std::deque<Parameter>& parameters, Role role, Array array);

}  // namespace lars
