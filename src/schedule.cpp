// Values of schedules. Their construction and checks are in schedule_construction.cpp.
#include "schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "elementary.h"
#include "error.h"

namespace lars {

Schedule::Schedule(Form form) : form_(std::move(form)) {}

double Schedule::value(std::uint64_t step) const {
  return std::visit([step](const auto& form) { return at(form, step); }, form_);
}

double Schedule::at(const Constant& form, std::uint64_t /*step*/) { return form.value; }

double Schedule::at(const Polynomial& form, std::uint64_t step) {
  const std::uint64_t since_begin = step - std::min(step, form.transition_begin);
  const std::uint64_t count = std::min(since_begin, form.transition_steps);
  const double remaining = 1.0 - static_cast<double>(count) / static_cast<double>(form.transition_steps);
  return (form.init_value - form.end_value) * power(remaining, form.power) + form.end_value;
}

double Schedule::at(const PiecewiseConstant& form, std::uint64_t step) {
  double value = form.init_value;
  for (std::size_t i = 0; i < form.boundaries.size() && form.boundaries[i] <= step; ++i)
    value *= form.scales[i];
  return value;
}

double Schedule::at(const PiecewiseInterpolate& form, std::uint64_t step) {
  const auto next = std::upper_bound(form.boundaries.begin(), form.boundaries.end(), step);
  if (next == form.boundaries.end()) return form.values.back();
  const auto interval = static_cast<std::size_t>(next - form.boundaries.begin()) - 1;  // boundaries[0] is 0
  const std::uint64_t begin = form.boundaries[interval];
  const double start = form.values[interval];
  const double end = form.values[interval + 1];
  const double fraction = static_cast<double>(step - begin) / static_cast<double>(*next - begin);
  if (!form.cosine) return (end - start) * fraction + start;
  return end + (start - end) / 2.0 * (cosine(std::numbers::pi * fraction) + 1.0);
}

double Schedule::at(const ExponentialDecay& form, std::uint64_t step) {
  double value = form.init_value;
  if (step > form.transition_begin) {
    const auto since_begin = static_cast<double>(step - form.transition_begin);
    const double exponent = since_begin / static_cast<double>(form.transition_steps);
    value *= power(form.decay_rate, form.staircase ? std::floor(exponent) : exponent);
  }
  if (!form.end_value) return value;
  return form.decay_rate < 1.0 ? std::max(value, *form.end_value) : std::min(value, *form.end_value);
}

double Schedule::at(const CosineDecay& form, std::uint64_t step) {
  const auto count = static_cast<double>(std::min(step, form.decay_steps));
  const double decay = 0.5 * (1.0 + cosine(std::numbers::pi * count / static_cast<double>(form.decay_steps)));
  return form.init_value * ((1.0 - form.alpha) * power(decay, form.exponent) + form.alpha);
}

double Schedule::at(const Join& form, std::uint64_t step) {
  const auto next = std::upper_bound(form.boundaries.begin(), form.boundaries.end(), step);
  const auto part = static_cast<std::size_t>(next - form.boundaries.begin());
  return form.parts[part].value(part == 0 ? step : step - form.boundaries[part - 1]);
}

void Schedule::ask_for_callback() { at(LostCallback{}, 0); }

double Schedule::at(const LostCallback& /*form*/, std::uint64_t /*step*/) {
  fail(LARS_ERR_STATE,
       "the checkpoint was saved with a callback as schedule, which it cannot hold; set it again with "
       "lars_set_schedule");
}

double Schedule::at(const Callback& form, std::uint64_t step) {
  double value = std::numeric_limits<double>::quiet_NaN();  // which no key takes: it must be written
  std::int32_t status = 0;
  try {
    status = form.function(form.user, step, &value);
  } catch (...) {
    fail(LARS_ERR_CALLBACK, "the schedule's callback threw an exception at step {}", step);
  }
  if (status != 0) {
    fail(LARS_ERR_CALLBACK, "the schedule's callback failed at step {}: it returned {} instead of 0", step,
         status);
  }
  if (!std::isfinite(value)) {
    fail(LARS_ERR_CALLBACK, "the schedule's callback gave {} at step {}; a value must be finite", value,
         step);
  }
  return value;
}

}  // namespace lars
