// The C boundary of schedules. lars.h documents it.
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "handle.h"

using lars::Schedule;
using lars::capi::require;
using lars::capi::require_schedule;
using lars::capi::translate_exception;

namespace {

/// Puts make()'s schedule, or the reason why there is none, in a new handle. *schedule is written last: it
/// may be one of the handles that make() reads.
template <class Make>
int32_t create(lars_schedule** schedule, const Make& make) noexcept {
  if (schedule == nullptr) return LARS_ERR_ARGUMENT;
  try {
    auto handle = std::make_unique<lars_schedule>();
    try {
      handle->schedule.emplace(make());
    } catch (const lars::Error& error) {
      handle->status = error.status();
      handle->message = error.what();
    }
    *schedule = handle.release();
    return (*schedule)->status;
  } catch (...) {
    *schedule = nullptr;
    return translate_exception([](int32_t status, const char* /*message*/) { return status; });
  }
}

/// An array argument; it may be NULL if it has no entries.
template <class T>
std::span<const T> array(const T* values, uint32_t count, const char* name) {
  if (count > 0) require(values, name);
  return {values, count};
}

std::optional<double> optional_value(const double* value) {
  return value == nullptr ? std::nullopt : std::optional<double>(*value);
}

void require_parts(uint32_t count, const char* what) {
  if (count == 0) lars::fail(LARS_ERR_ARGUMENT, "count is 0; at least one {} is needed", what);
}

}  // namespace

int32_t lars_schedule_constant(double value, lars_schedule** schedule) noexcept {
  return create(schedule, [&] { return Schedule::constant(value); });
}

int32_t lars_schedule_linear(double init_value, double end_value, uint64_t transition_steps,
                             uint64_t transition_begin, lars_schedule** schedule) noexcept {
  return create(schedule,
                [&] { return Schedule::linear(init_value, end_value, transition_steps, transition_begin); });
}

int32_t lars_schedule_polynomial(double init_value, double end_value, double power, uint64_t transition_steps,
                                 uint64_t transition_begin, lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::polynomial(init_value, end_value, power, transition_steps, transition_begin);
  });
}

int32_t lars_schedule_piecewise_constant(double init_value, uint32_t count, const uint64_t* boundaries,
                                         const double* scales, lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::piecewise_constant(init_value, array(boundaries, count, "boundaries"),
                                        array(scales, count, "scales"));
  });
}

int32_t lars_schedule_piecewise_interpolate(int32_t interpolation, double init_value, uint32_t count,
                                            const uint64_t* boundaries, const double* scales,
                                            lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::piecewise_interpolate(interpolation, init_value, array(boundaries, count, "boundaries"),
                                           array(scales, count, "scales"));
  });
}

int32_t lars_schedule_exponential_decay(double init_value, uint64_t transition_steps, double decay_rate,
                                        uint64_t transition_begin, int32_t staircase, const double* end_value,
                                        lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::exponential_decay(init_value, transition_steps, decay_rate, transition_begin, staircase,
                                       optional_value(end_value));
  });
}

int32_t lars_schedule_cosine_decay(double init_value, uint64_t decay_steps, double alpha, double exponent,
                                   lars_schedule** schedule) noexcept {
  return create(schedule, [&] { return Schedule::cosine_decay(init_value, decay_steps, alpha, exponent); });
}

int32_t lars_schedule_linear_onecycle(uint64_t transition_steps, double peak_value, double pct_start,
                                      double pct_final, double div_factor, double final_div_factor,
                                      lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::linear_onecycle(transition_steps, peak_value, pct_start, pct_final, div_factor,
                                     final_div_factor);
  });
}

int32_t lars_schedule_cosine_onecycle(uint64_t transition_steps, double peak_value, double pct_start,
                                      double div_factor, double final_div_factor,
                                      lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::cosine_onecycle(transition_steps, peak_value, pct_start, div_factor, final_div_factor);
  });
}

int32_t lars_schedule_warmup_constant(double init_value, double peak_value, uint64_t warmup_steps,
                                      lars_schedule** schedule) noexcept {
  return create(schedule, [&] { return Schedule::warmup_constant(init_value, peak_value, warmup_steps); });
}

int32_t lars_schedule_warmup_cosine_decay(double init_value, double peak_value, uint64_t warmup_steps,
                                          uint64_t decay_steps, double end_value, double exponent,
                                          lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::warmup_cosine_decay(init_value, peak_value, warmup_steps, decay_steps, end_value,
                                         exponent);
  });
}

int32_t lars_schedule_warmup_exponential_decay(double init_value, double peak_value, uint64_t warmup_steps,
                                               uint64_t transition_steps, double decay_rate,
                                               uint64_t transition_begin, int32_t staircase,
                                               const double* end_value, lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    return Schedule::warmup_exponential_decay(init_value, peak_value, warmup_steps, transition_steps,
                                              decay_rate, transition_begin, staircase,
                                              optional_value(end_value));
  });
}

int32_t lars_schedule_sgdr(uint32_t count, const double* init_values, const double* peak_values,
                           const uint64_t* warmup_steps, const uint64_t* decay_steps,
                           const double* end_values, const double* exponents,
                           lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    require_parts(count, "cycle");
    return Schedule::sgdr(array(init_values, count, "init_values"), array(peak_values, count, "peak_values"),
                          array(warmup_steps, count, "warmup_steps"),
                          array(decay_steps, count, "decay_steps"), array(end_values, count, "end_values"),
                          array(exponents, count, "exponents"));
  });
}

int32_t lars_schedule_join(uint32_t count, const lars_schedule* const* schedules, const uint64_t* boundaries,
                           lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    require_parts(count, "schedule");
    require(schedules, "schedules");
    std::vector<Schedule> parts;
    for (uint32_t i = 0; i < count; ++i) {
      parts.push_back(require_schedule(schedules[i], lars::formatted("schedules[{}]", i).c_str()));
    }
    return Schedule::join(std::move(parts), array(boundaries, count - 1, "boundaries"));
  });
}

int32_t lars_schedule_callback(lars_schedule_function function, void* user,
                               lars_schedule** schedule) noexcept {
  return create(schedule, [&] {
    require(reinterpret_cast<const void*>(function), "function");
    return Schedule::callback(function, user);
  });
}

int32_t lars_schedule_value(const lars_schedule* schedule, uint64_t step, double* value) noexcept {
  if (schedule == nullptr || value == nullptr) return LARS_ERR_ARGUMENT;
  if (!schedule->schedule) return schedule->status;
  try {
    const double at_step = schedule->schedule->value(step);
    if (!std::isfinite(at_step)) return LARS_ERR_VALUE;
    *value = at_step;
    return LARS_OK;
  } catch (...) {
    return translate_exception([](int32_t status, const char* /*message*/) { return status; });
  }
}

const char* lars_schedule_error_message(const lars_schedule* schedule) noexcept {
  return schedule == nullptr ? "the schedule handle is NULL; create one with lars_schedule_..."
                             : schedule->message.c_str();
}

void lars_schedule_destroy(lars_schedule* schedule) noexcept { delete schedule; }
