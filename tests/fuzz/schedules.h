// Schedules of every form, as an input asks for them.
#pragma once

#include <array>

#include "fuzz.h"

namespace lars_fuzz {

/// A callback's value: that number at the first steps, then a failure.
inline std::int32_t number_at(void* user, std::uint64_t step, double* value) {
  *value = *static_cast<const double*>(user);
  return step < 5 ? 0 : 1;
}

inline lars_schedule* some_callback(Input& input) {
  static std::array<double, 4> numbers = {0.1, 0.5, 0.0, NAN};
  lars_schedule* schedule = nullptr;
  lars_schedule_callback(number_at, &numbers[input.below(numbers.size())], &schedule);
  return schedule;
}

/// A schedule, or one that holds why it could not be made.
inline lars_schedule* some_schedule(Input& input) {
  constexpr std::uint32_t kForms = 8;
  const double first = input.number();
  const double second = input.number();
  const std::uint32_t form = input.below(kForms);
  const std::uint64_t steps = input.byte();
  const std::uint64_t boundaries[] = {1, steps};
  const double scales[] = {second, 0.5};
  const std::uint64_t warmup[] = {1, 2};
  const double numbers[] = {first, first};
  const double exponents[] = {1.0, 1.5};
  lars_schedule* schedule = nullptr;
  switch (form) {
    case 0: lars_schedule_linear(first, second, steps, 1, &schedule); break;
    case 1: lars_schedule_cosine_decay(first, steps, second, 1.0, &schedule); break;
    case 2: lars_schedule_exponential_decay(first, steps, second, 1, 1, nullptr, &schedule); break;
    case 3: lars_schedule_piecewise_constant(first, 2, boundaries, scales, &schedule); break;
    case 4:
      lars_schedule_piecewise_interpolate(LARS_INTERPOLATE_COSINE, first, 2, boundaries, scales, &schedule);
      break;
    case 5: lars_schedule_warmup_cosine_decay(first, second, 2, steps, 0.01, 1.0, &schedule); break;
    case 6: {
      const std::uint64_t decay[] = {3, steps};
      lars_schedule_sgdr(2, numbers, scales, warmup, decay, scales, exponents, &schedule);
      break;
    }
    default: {
      lars_schedule* parts[2] = {};
      lars_schedule_linear(first, 0.5, 3, 0, &parts[0]);
      lars_schedule_constant(second, &parts[1]);
      lars_schedule_join(2, parts, &boundaries[1], &schedule);
      for (lars_schedule* part : parts) lars_schedule_destroy(part);
      break;
    }
  }
  return schedule;
}

}  // namespace lars_fuzz
