// Construction of schedules: every argument is checked, in the words of lars.h.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "error.h"
#include "schedule.h"

namespace lars {
namespace {

void check_finite(const char* name, double value) {
  if (!std::isfinite(value)) fail(LARS_ERR_VALUE, "{}: {} is not allowed; it must be finite", name, value);
}

void check_at_least_zero(const char* name, double value) {
  if (!(std::isfinite(value) && value >= 0.0)) {
    fail(LARS_ERR_VALUE, "{}: {} is not allowed; it must be finite and at least 0", name, value);
  }
}

void check_above_zero(const char* name, double value) {
  if (!(std::isfinite(value) && value > 0.0)) {
    fail(LARS_ERR_VALUE, "{}: {} is not allowed; it must be finite and greater than 0", name, value);
  }
}

/// Of a one-cycle schedule's factor, by which something was divided.
void check_quotient(const char* name, double value, double quotient) {
  if (!std::isfinite(quotient)) {
    fail(LARS_ERR_VALUE, "{}: {} is not allowed; it is so small that a division by it overflows", name,
         value);
  }
}

void check_fraction(const char* name, double value) {
  if (!(value >= 0.0 && value <= 1.0))
    fail(LARS_ERR_VALUE, "{}: {} is not allowed; it must be from 0 to 1", name, value);
}

void check_above_zero(const char* name, std::uint64_t steps) {
  if (steps == 0) fail(LARS_ERR_VALUE, "{}: 0 is not allowed; it must be at least 1", name);
}

void check_increasing(std::span<const std::uint64_t> boundaries) {
  for (std::size_t i = 1; i < boundaries.size(); ++i) {
    if (boundaries[i] <= boundaries[i - 1]) {
      fail(LARS_ERR_VALUE,
           "boundaries[{}]: {} is not allowed; boundaries must strictly increase and boundaries[{}] is {}", i,
           boundaries[i], i - 1, boundaries[i - 1]);
    }
  }
}

void check_scales(std::span<const double> scales) {
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (!(std::isfinite(scales[i]) && scales[i] >= 0.0)) {
      fail(LARS_ERR_VALUE, "scales[{}]: {} is not allowed; it must be finite and at least 0", i, scales[i]);
    }
  }
}

}  // namespace

Schedule Schedule::constant(double value) {
  check_finite("value", value);
  return Schedule(Constant{value});
}

Schedule Schedule::linear(double init_value, double end_value, std::uint64_t transition_steps,
                          std::uint64_t transition_begin) {
  return polynomial(init_value, end_value, 1.0, transition_steps, transition_begin);
}

Schedule Schedule::polynomial(double init_value, double end_value, double power,
                              std::uint64_t transition_steps, std::uint64_t transition_begin) {
  check_finite("init_value", init_value);
  check_finite("end_value", end_value);
  check_at_least_zero("power", power);
  if (transition_steps == 0) return Schedule(Constant{init_value});
  return Schedule(Polynomial{init_value, end_value, power, transition_steps, transition_begin});
}

Schedule Schedule::piecewise_constant(double init_value, std::span<const std::uint64_t> boundaries,
                                      std::span<const double> scales) {
  check_finite("init_value", init_value);
  check_increasing(boundaries);
  check_scales(scales);
  return Schedule(
      PiecewiseConstant{init_value, {boundaries.begin(), boundaries.end()}, {scales.begin(), scales.end()}});
}

Schedule Schedule::piecewise_interpolate(std::int32_t interpolation, double init_value,
                                         std::span<const std::uint64_t> boundaries,
                                         std::span<const double> scales) {
  if (interpolation != LARS_INTERPOLATE_LINEAR && interpolation != LARS_INTERPOLATE_COSINE) {
    fail(LARS_ERR_ARGUMENT,
         "interpolation: {} is not allowed; it must be LARS_INTERPOLATE_LINEAR (0) or "
         "LARS_INTERPOLATE_COSINE (1)",
         interpolation);
  }
  check_finite("init_value", init_value);
  check_increasing(boundaries);
  check_scales(scales);
  PiecewiseInterpolate form{interpolation == LARS_INTERPOLATE_COSINE, {0}, {init_value}};
  form.boundaries.insert(form.boundaries.end(), boundaries.begin(), boundaries.end());
  std::vector<double> factors = {init_value};
  factors.insert(factors.end(), scales.begin(), scales.end());
  form.values.clear();
  std::partial_sum(factors.begin(), factors.end(), std::back_inserter(form.values), std::multiplies<>());
  return Schedule(std::move(form));
}

Schedule Schedule::interpolation_through(bool cosine, std::vector<std::uint64_t> boundaries,
                                         std::vector<double> values) {
  if (boundaries.empty() || boundaries[0] != 0 || boundaries.size() != values.size()) {
    fail(LARS_ERR_VALUE, "an interpolation needs as many values as boundaries, the first of them 0");
  }
  // A first boundary of the caller's may be 0, too; and where scales were large a value may be anything.
  check_increasing(std::span(boundaries).subspan(1));
  return Schedule(PiecewiseInterpolate{cosine, std::move(boundaries), std::move(values)});
}

Schedule Schedule::exponential_decay(double init_value, std::uint64_t transition_steps, double decay_rate,
                                     std::uint64_t transition_begin, std::int32_t staircase,
                                     std::optional<double> end_value) {
  check_finite("init_value", init_value);
  check_at_least_zero("decay_rate", decay_rate);
  if (staircase != 0 && staircase != 1) {
    fail(LARS_ERR_ARGUMENT, "staircase: {} is not allowed; it must be 0 or 1", staircase);
  }
  if (end_value) check_finite("end_value", *end_value);
  if (transition_steps == 0 || decay_rate == 0.0) return Schedule(Constant{init_value});
  return Schedule(ExponentialDecay{init_value, decay_rate, transition_steps, transition_begin, staircase == 1,
                                   end_value});
}

Schedule Schedule::cosine_decay(double init_value, std::uint64_t decay_steps, double alpha, double exponent) {
  check_finite("init_value", init_value);
  check_above_zero("decay_steps", decay_steps);
  check_finite("alpha", alpha);
  check_at_least_zero("exponent", exponent);
  return Schedule(CosineDecay{init_value, alpha, exponent, decay_steps});
}

namespace {

/// The points of a one-cycle schedule. Two that fall on the same step are one, and the later replaces the
/// earlier, as in the Python dict that optax builds.
class Points {
 public:
  /// At `fraction` of all steps, cut to a whole one.
  void add(double fraction, std::uint64_t steps, double scale) {
    const double step = fraction * static_cast<double>(steps);
    // Beyond 2^53 the product may be rounded past the last step, and past what an integer can hold.
    const bool inside = step < static_cast<double>(steps);
    scales_[inside ? static_cast<std::uint64_t>(step) : steps] = scale;
  }

  [[nodiscard]] Schedule interpolate(std::int32_t interpolation, double init_value) const {
    std::vector<std::uint64_t> boundaries;
    std::vector<double> scales;
    for (const auto& [step, scale] : scales_) {
      boundaries.push_back(step);
      scales.push_back(scale);
    }
    return Schedule::piecewise_interpolate(interpolation, init_value, boundaries, scales);
  }

 private:
  std::map<std::uint64_t, double> scales_;
};

}  // namespace

Schedule Schedule::linear_onecycle(std::uint64_t transition_steps, double peak_value, double pct_start,
                                   double pct_final, double div_factor, double final_div_factor) {
  check_above_zero("transition_steps", transition_steps);
  check_finite("peak_value", peak_value);
  check_fraction("pct_start", pct_start);
  check_fraction("pct_final", pct_final);
  check_above_zero("div_factor", div_factor);
  check_above_zero("final_div_factor", final_div_factor);
  check_quotient("div_factor", div_factor, peak_value / div_factor);
  check_quotient("div_factor", div_factor, 1.0 / div_factor);
  check_quotient("final_div_factor", final_div_factor, 1.0 / final_div_factor);
  Points points;
  points.add(pct_start, transition_steps, div_factor);
  points.add(pct_final, transition_steps, 1.0 / div_factor);
  points.add(1.0, transition_steps, 1.0 / final_div_factor);
  return points.interpolate(LARS_INTERPOLATE_LINEAR, peak_value / div_factor);
}

Schedule Schedule::cosine_onecycle(std::uint64_t transition_steps, double peak_value, double pct_start,
                                   double div_factor, double final_div_factor) {
  check_above_zero("transition_steps", transition_steps);
  check_finite("peak_value", peak_value);
  check_fraction("pct_start", pct_start);
  check_above_zero("div_factor", div_factor);
  check_above_zero("final_div_factor", final_div_factor);
  check_quotient("div_factor", div_factor, peak_value / div_factor);
  check_quotient("final_div_factor", final_div_factor, 1.0 / (div_factor * final_div_factor));
  Points points;
  points.add(pct_start, transition_steps, div_factor);
  points.add(1.0, transition_steps, 1.0 / (div_factor * final_div_factor));
  return points.interpolate(LARS_INTERPOLATE_COSINE, peak_value / div_factor);
}

Schedule Schedule::warmup_constant(double init_value, double peak_value, std::uint64_t warmup_steps) {
  check_finite("peak_value", peak_value);  // which linear knows as end_value
  return linear(init_value, peak_value, warmup_steps, 0);
}

Schedule Schedule::warmup_cosine_decay(double init_value, double peak_value, std::uint64_t warmup_steps,
                                       std::uint64_t decay_steps, double end_value, double exponent) {
  check_finite("init_value", init_value);
  check_finite("peak_value", peak_value);
  check_finite("end_value", end_value);
  if (decay_steps <= warmup_steps) {
    fail(
        LARS_ERR_VALUE,
        "decay_steps: {} is not allowed; it counts the warm-up, so it must be greater than warmup_steps ({})",
        decay_steps, warmup_steps);
  }
  const double alpha = peak_value == 0.0 ? 0.0 : end_value / peak_value;
  if (!std::isfinite(alpha)) {
    fail(LARS_ERR_VALUE, "end_value: {} is not allowed; divided by peak_value ({}) it overflows", end_value,
         peak_value);
  }
  const std::uint64_t boundary[] = {warmup_steps};
  return join({linear(init_value, peak_value, warmup_steps, 0),
               cosine_decay(peak_value, decay_steps - warmup_steps, alpha, exponent)},
              boundary);
}

Schedule Schedule::warmup_exponential_decay(double init_value, double peak_value, std::uint64_t warmup_steps,
                                            std::uint64_t transition_steps, double decay_rate,
                                            std::uint64_t transition_begin, std::int32_t staircase,
                                            std::optional<double> end_value) {
  check_finite("init_value", init_value);
  check_finite("peak_value", peak_value);
  const std::uint64_t boundary[] = {warmup_steps};
  return join(
      {linear(init_value, peak_value, warmup_steps, 0),
       exponential_decay(peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value)},
      boundary);
}

Schedule Schedule::sgdr(std::span<const double> init_values, std::span<const double> peak_values,
                        std::span<const std::uint64_t> warmup_steps,
                        std::span<const std::uint64_t> decay_steps, std::span<const double> end_values,
                        std::span<const double> exponents) {
  std::vector<Schedule> cycles;
  std::vector<std::uint64_t> ends;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < init_values.size(); ++i) {
    try {
      cycles.push_back(warmup_cosine_decay(init_values[i], peak_values[i], warmup_steps[i], decay_steps[i],
                                           end_values[i], exponents[i]));
    } catch (const Error& error) {
      fail(error.status(), "cycle {}: {}", i, error.what());
    }
    if (decay_steps[i] > std::numeric_limits<std::uint64_t>::max() - end) {
      fail(LARS_ERR_VALUE, "cycle {}: decay_steps: {} is not allowed; the cycles' sum overflows", i,
           decay_steps[i]);
    }
    end += decay_steps[i];
    ends.push_back(end);
  }
  ends.pop_back();  // the last cycle's end begins no other
  return join(std::move(cycles), ends);
}

std::uint32_t Schedule::depth() const {
  const auto* join = std::get_if<Join>(&form_);
  if (join == nullptr) return 0;
  std::uint32_t deepest = 0;
  for (const Schedule& part : join->parts) deepest = std::max(deepest, part.depth());
  return deepest + 1;
}

Schedule Schedule::join(std::vector<Schedule> parts, std::span<const std::uint64_t> boundaries) {
  check_increasing(boundaries);
  for (const Schedule& part : parts) {
    if (part.depth() >= kMaxDepth) {
      fail(LARS_ERR_ARGUMENT, "joined schedules nest {} deep already; join them all in one call", kMaxDepth);
    }
  }
  return Schedule(Join{std::move(parts), {boundaries.begin(), boundaries.end()}});
}

Schedule Schedule::callback(lars_schedule_function function, void* user) {
  return Schedule(Callback{function, user});
}

}  // namespace lars
