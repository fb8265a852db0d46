// The value of a hyper-parameter at a step: optax's schedules, by optax's definitions (optax/schedules).
//
// Eight forms and one that stands for a lost callback; the others are made of these. Steps count from 0. All
// arithmetic is binary64 with cosine and power of elementary.h, in optax's order of operations, so that a
// schedule has the same bits on every machine.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "checkpoint/json.h"
#include "lars/lars.h"

namespace lars {

class Schedule {
 public:
  /// The value at `step`. Only a callback can fail: LARS_ERR_CALLBACK if it does, throws or returns NaN or
  /// Inf.
  [[nodiscard]] double value(std::uint64_t step) const;

  // The constructors of lars.h, which documents them. Each throws LARS_ERR_VALUE or LARS_ERR_ARGUMENT.
  static Schedule constant(double value);
  static Schedule linear(double init_value, double end_value, std::uint64_t transition_steps,
                         std::uint64_t transition_begin);
  static Schedule polynomial(double init_value, double end_value, double power,
                             std::uint64_t transition_steps, std::uint64_t transition_begin);
  static Schedule piecewise_constant(double init_value, std::span<const std::uint64_t> boundaries,
                                     std::span<const double> scales);
  static Schedule piecewise_interpolate(std::int32_t interpolation, double init_value,
                                        std::span<const std::uint64_t> boundaries,
                                        std::span<const double> scales);
  static Schedule exponential_decay(double init_value, std::uint64_t transition_steps, double decay_rate,
                                    std::uint64_t transition_begin, std::int32_t staircase,
                                    std::optional<double> end_value);
  static Schedule cosine_decay(double init_value, std::uint64_t decay_steps, double alpha, double exponent);
  static Schedule linear_onecycle(std::uint64_t transition_steps, double peak_value, double pct_start,
                                  double pct_final, double div_factor, double final_div_factor);
  static Schedule cosine_onecycle(std::uint64_t transition_steps, double peak_value, double pct_start,
                                  double div_factor, double final_div_factor);
  static Schedule warmup_constant(double init_value, double peak_value, std::uint64_t warmup_steps);
  static Schedule warmup_cosine_decay(double init_value, double peak_value, std::uint64_t warmup_steps,
                                      std::uint64_t decay_steps, double end_value, double exponent);
  static Schedule warmup_exponential_decay(double init_value, double peak_value, std::uint64_t warmup_steps,
                                           std::uint64_t transition_steps, double decay_rate,
                                           std::uint64_t transition_begin, std::int32_t staircase,
                                           std::optional<double> end_value);
  static Schedule sgdr(std::span<const double> init_values, std::span<const double> peak_values,
                       std::span<const std::uint64_t> warmup_steps,
                       std::span<const std::uint64_t> decay_steps, std::span<const double> end_values,
                       std::span<const double> exponents);
  static Schedule join(std::vector<Schedule> parts, std::span<const std::uint64_t> boundaries);
  static Schedule callback(lars_schedule_function function, void* user);

  // In checkpoints (checkpoint/schedule_json.cpp). A callback is recorded as such: what is read back is a
  // schedule that has lost it, and asks for it, LARS_ERR_STATE, when a value is wanted.
  [[nodiscard]] Json to_json() const;
  static Schedule from_json(const Json& json);
  [[nodiscard]] bool has_callback() const;
  /// Whether a callback is one of a process that is gone.
  [[nodiscard]] bool has_lost_callback() const;
  [[noreturn]] static void ask_for_callback();

 private:
  struct Constant {
    double value;
  };
  struct Polynomial {
    double init_value, end_value, power;
    std::uint64_t transition_steps, transition_begin;
  };
  struct PiecewiseConstant {
    double init_value;
    std::vector<std::uint64_t> boundaries;
    std::vector<double> scales;
  };
  struct PiecewiseInterpolate {
    bool cosine;
    std::vector<std::uint64_t> boundaries;  // from 0
    std::vector<double> values;             // at the boundaries
  };
  struct ExponentialDecay {
    double init_value, decay_rate;
    std::uint64_t transition_steps, transition_begin;
    bool staircase;
    std::optional<double> end_value;
  };
  struct CosineDecay {
    double init_value, alpha, exponent;
    std::uint64_t decay_steps;
  };
  struct Join {
    std::vector<Schedule> parts;
    std::vector<std::uint64_t> boundaries;
  };
  struct Callback {
    lars_schedule_function function;
    void* user;
  };
  struct LostCallback {};  // of a process that is gone
  using Form = std::variant<Constant, Polynomial, PiecewiseConstant, PiecewiseInterpolate, ExponentialDecay,
                            CosineDecay, Join, Callback, LostCallback>;

  explicit Schedule(Form form);

  /// Of joins in joins. A checkpoint's JSON has two levels for each, and is read up to 1000.
  static constexpr std::uint32_t kMaxDepth = 400;
  [[nodiscard]] std::uint32_t depth() const;

  /// Whether it, or a part of it if it is a join, has one of these forms.
  template <class... Forms>
  [[nodiscard]] bool has() const;

  /// The points that piecewise_interpolate makes.
  static Schedule interpolation_through(bool cosine, std::vector<std::uint64_t> boundaries,
                                        std::vector<double> values);

  static double at(const Constant& form, std::uint64_t step);
  static double at(const Polynomial& form, std::uint64_t step);
  static double at(const PiecewiseConstant& form, std::uint64_t step);
  static double at(const PiecewiseInterpolate& form, std::uint64_t step);
  static double at(const ExponentialDecay& form, std::uint64_t step);
  static double at(const CosineDecay& form, std::uint64_t step);
  static double at(const Join& form, std::uint64_t step);
  static double at(const Callback& form, std::uint64_t step);
  [[noreturn]] static double at(const LostCallback& form, std::uint64_t step);

  Form form_;
};

}  // namespace lars
