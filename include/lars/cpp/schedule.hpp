/**
 * @file
 * Schedules: a hyper-parameter's value as a function of the step. The constructors and their definitions are
 * lars.h's (which are optax's); docs there.
 */
#ifndef LARS_CPP_SCHEDULE_HPP
#define LARS_CPP_SCHEDULE_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../lars.h"
#include "errors.hpp"
#include "thrown.hpp"
#include "views.hpp"

namespace lars {
inline namespace cpp {

enum class Interpolation : std::int32_t {
  linear = LARS_INTERPOLATE_LINEAR,
  cosine = LARS_INTERPOLATE_COSINE
};

/// From `step` on, the value is multiplied by `scale`, too.
struct Boundary {
  std::uint64_t step;
  double scale;
};

/// One cycle of Schedule::sgdr.
struct Cycle {
  double init_value;
  double peak_value;
  std::uint64_t warmup_steps;
  std::uint64_t decay_steps;
  double end_value = 0.0;
  double exponent = 1.0;
};

template <class Errors>
class BasicOptimizer;

/// Immutable; copies share what they are of. In the style without exceptions a schedule whose arguments were
/// wrong holds the reason, and so does every call that it is passed to.
template <class Errors>
class BasicSchedule {
 public:
  static BasicSchedule constant(double value) {
    return make([&](lars_schedule** made) { return lars_schedule_constant(value, made); });
  }
  static BasicSchedule linear(double init_value, double end_value, std::uint64_t transition_steps,
                              std::uint64_t transition_begin = 0) {
    return make([&](lars_schedule** made) {
      return lars_schedule_linear(init_value, end_value, transition_steps, transition_begin, made);
    });
  }
  static BasicSchedule polynomial(double init_value, double end_value, double power,
                                  std::uint64_t transition_steps, std::uint64_t transition_begin = 0) {
    return make([&](lars_schedule** made) {
      return lars_schedule_polynomial(init_value, end_value, power, transition_steps, transition_begin, made);
    });
  }
  static BasicSchedule piecewise_constant(double init_value, Span<const Boundary> boundaries) {
    const Columns columns(boundaries);
    return make([&](lars_schedule** made) {
      return lars_schedule_piecewise_constant(init_value, columns.count(), columns.steps.data(),
                                              columns.scales.data(), made);
    });
  }
  static BasicSchedule piecewise_interpolate(Interpolation interpolation, double init_value,
                                             Span<const Boundary> boundaries) {
    const Columns columns(boundaries);
    return make([&](lars_schedule** made) {
      return lars_schedule_piecewise_interpolate(static_cast<std::int32_t>(interpolation), init_value,
                                                 columns.count(), columns.steps.data(), columns.scales.data(),
                                                 made);
    });
  }
  /// end_value bounds the value where it is not NULL.
  static BasicSchedule exponential_decay(double init_value, std::uint64_t transition_steps, double decay_rate,
                                         std::uint64_t transition_begin = 0, bool staircase = false,
                                         const double* end_value = nullptr) {
    return make([&](lars_schedule** made) {
      return lars_schedule_exponential_decay(init_value, transition_steps, decay_rate, transition_begin,
                                             staircase ? 1 : 0, end_value, made);
    });
  }
  static BasicSchedule cosine_decay(double init_value, std::uint64_t decay_steps, double alpha = 0.0,
                                    double exponent = 1.0) {
    return make([&](lars_schedule** made) {
      return lars_schedule_cosine_decay(init_value, decay_steps, alpha, exponent, made);
    });
  }
  static BasicSchedule linear_onecycle(std::uint64_t transition_steps, double peak_value,
                                       double pct_start = 0.3, double pct_final = 0.85,
                                       double div_factor = 25.0, double final_div_factor = 1e4) {
    return make([&](lars_schedule** made) {
      return lars_schedule_linear_onecycle(transition_steps, peak_value, pct_start, pct_final, div_factor,
                                           final_div_factor, made);
    });
  }
  static BasicSchedule cosine_onecycle(std::uint64_t transition_steps, double peak_value,
                                       double pct_start = 0.3, double div_factor = 25.0,
                                       double final_div_factor = 1e4) {
    return make([&](lars_schedule** made) {
      return lars_schedule_cosine_onecycle(transition_steps, peak_value, pct_start, div_factor,
                                           final_div_factor, made);
    });
  }
  static BasicSchedule warmup_constant(double init_value, double peak_value, std::uint64_t warmup_steps) {
    return make([&](lars_schedule** made) {
      return lars_schedule_warmup_constant(init_value, peak_value, warmup_steps, made);
    });
  }
  static BasicSchedule warmup_cosine_decay(double init_value, double peak_value, std::uint64_t warmup_steps,
                                           std::uint64_t decay_steps, double end_value = 0.0,
                                           double exponent = 1.0) {
    return make([&](lars_schedule** made) {
      return lars_schedule_warmup_cosine_decay(init_value, peak_value, warmup_steps, decay_steps, end_value,
                                               exponent, made);
    });
  }
  static BasicSchedule warmup_exponential_decay(double init_value, double peak_value,
                                                std::uint64_t warmup_steps, std::uint64_t transition_steps,
                                                double decay_rate, std::uint64_t transition_begin = 0,
                                                bool staircase = false, const double* end_value = nullptr) {
    return make([&](lars_schedule** made) {
      return lars_schedule_warmup_exponential_decay(init_value, peak_value, warmup_steps, transition_steps,
                                                    decay_rate, transition_begin, staircase ? 1 : 0,
                                                    end_value, made);
    });
  }
  static BasicSchedule sgdr(Span<const Cycle> cycles) {
    std::vector<double> init, peak, end, exponent;
    std::vector<std::uint64_t> warmup, decay;
    for (const Cycle& cycle : cycles) {
      init.push_back(cycle.init_value);
      peak.push_back(cycle.peak_value);
      warmup.push_back(cycle.warmup_steps);
      decay.push_back(cycle.decay_steps);
      end.push_back(cycle.end_value);
      exponent.push_back(cycle.exponent);
    }
    return make([&](lars_schedule** made) {
      return lars_schedule_sgdr(static_cast<std::uint32_t>(cycles.size()), init.data(), peak.data(),
                                warmup.data(), decay.data(), end.data(), exponent.data(), made);
    });
  }
  /// `first`, and from each boundary on the schedule that follows it, counted from there.
  static BasicSchedule join(const BasicSchedule& first,
                            Span<const std::pair<std::uint64_t, BasicSchedule>> others) {
    std::vector<const lars_schedule*> handles = {first.get()};
    std::vector<std::uint64_t> boundaries;
    std::vector<std::shared_ptr<void>> functions = first.functions_;
    for (const auto& [boundary, schedule] : others) {
      boundaries.push_back(boundary);
      handles.push_back(schedule.get());
      functions.insert(functions.end(), schedule.functions_.begin(), schedule.functions_.end());
    }
    BasicSchedule joined = make([&](lars_schedule** made) {
      return lars_schedule_join(static_cast<std::uint32_t>(handles.size()), handles.data(), boundaries.data(),
                                made);
    });
    joined.functions_ = std::move(functions);
    return joined;
  }
  /// function(step) -> value. It lives as long as what uses it; what it throws ends the call with
  /// Status::callback.
  static BasicSchedule callback(std::function<double(std::uint64_t)> function) {
    using Function = std::function<double(std::uint64_t)>;
    auto kept = std::make_shared<Function>(std::move(function));
    BasicSchedule schedule = make([&](lars_schedule** made) {
      return lars_schedule_callback(
          [](void* user, std::uint64_t step, double* value) -> std::int32_t {
            return Thrown::keep([&]() -> std::int32_t {
              *value = (*static_cast<Function*>(user))(step);
              return 0;
            });
          },
          kept.get(), made);
    });
    schedule.functions_.push_back(std::move(kept));
    return schedule;
  }

  /// The value at a step.
  [[nodiscard]] typename Errors::template Returned<double> value(std::uint64_t step) const {
    double found = 0.0;
    const Thrown thrown;
    const std::int32_t status = lars_schedule_value(get(), step, &found);
    if (status < 0) {
      std::string reason = message();
      // A schedule that is well made has no message, and yet may overflow here or throw.
      if (reason.empty()) reason = "the schedule has no value at step " + std::to_string(step);
      return fail_with<Errors, double>(thrown, static_cast<Status>(status), reason.c_str());
    }
    return Errors::template succeed<double>(static_cast<Status>(status), found);
  }

  /// Why it could not be made; "" if it could.
  [[nodiscard]] const char* message() const noexcept { return lars_schedule_error_message(get()); }

  /// For lars.h.
  [[nodiscard]] const lars_schedule* get() const noexcept { return schedule_.get(); }

 private:
  friend class BasicOptimizer<Errors>;

  /// Boundaries as lars.h takes them.
  struct Columns {
    explicit Columns(Span<const Boundary> boundaries) {
      for (const Boundary& boundary : boundaries) {
        steps.push_back(boundary.step);
        scales.push_back(boundary.scale);
      }
    }
    [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(steps.size()); }
    std::vector<std::uint64_t> steps;
    std::vector<double> scales;
  };

  template <class Make>
  static BasicSchedule make(const Make& make_one) {
    lars_schedule* made = nullptr;
    const auto status = static_cast<Status>(make_one(&made));
    BasicSchedule schedule(made);
    if (is_error(status)) schedule.raise(status);
    return schedule;
  }
  explicit BasicSchedule(lars_schedule* schedule) : schedule_(schedule, lars_schedule_destroy) {}
  /// Throws, or leaves the reason in the schedule.
  void raise(Status status) const { static_cast<void>(Errors::template fail<double>(status, message())); }

  std::shared_ptr<lars_schedule> schedule_;
  std::vector<std::shared_ptr<void>> functions_;  // of callbacks, its own or of its parts
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_SCHEDULE_HPP
