// Hyper-parameters of one parameter: keys, defaults, allowed ranges, constants and schedules.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lars/lars.h"
#include "schedule.h"

namespace lars {

enum class Key : std::int32_t {
  learning_rate = LARS_LEARNING_RATE,
  weight_decay = LARS_WEIGHT_DECAY,
  weight_decay_mask = LARS_WEIGHT_DECAY_MASK,
  trust_coefficient = LARS_TRUST_COEFFICIENT,
  eps = LARS_EPS,
  trust_ratio_mask = LARS_TRUST_RATIO_MASK,
  momentum = LARS_MOMENTUM,
  nesterov = LARS_NESTEROV,
  gradient_scale = LARS_GRADIENT_SCALE,
  denominator = LARS_DENOMINATOR,
  outside_momentum = LARS_OUTSIDE_MOMENTUM,
  trust_clip = LARS_TRUST_CLIP,
  dampening = LARS_DAMPENING,
  decay_in_update = LARS_DECAY_IN_UPDATE,
  zero_norm_decay = LARS_ZERO_NORM_DECAY,
  clip_value = LARS_CLIP_VALUE,
};

inline constexpr std::size_t kKeyCount = 16;

/// The key of that number; LARS_ERR_KEY if there is none.
Key key_from_number(std::int32_t number);

/// optax's name of a key, "weight_decay".
const char* key_name(Key key);

/// All of them, in order of number.
std::array<Key, kKeyCount> all_keys();

/// LARS_ERR_VALUE, naming key, value and limit, unless the value is allowed for the key.
void check_value(Key key, double value);

/// LARS_ERR_KEY unless the key takes a schedule: all that are quantities do, masks and choices do not.
void check_schedulable(Key key);

/// One value for every key.
class HyperparameterValues {
 public:
  /// optax's defaults; the learning rate has none and is unset.
  HyperparameterValues();

  [[nodiscard]] double operator[](Key key) const { return values_[index(key)]; }
  [[nodiscard]] bool flag(Key key) const { return values_[index(key)] != 0.0; }
  template <class Choice>
  [[nodiscard]] Choice choice(Key key) const {
    return static_cast<Choice>(values_[index(key)]);
  }
  [[nodiscard]] bool is_set(Key key) const;
  void set(Key key, double value) { values_[index(key)] = value; }

 private:
  static std::size_t index(Key key) { return static_cast<std::size_t>(key) - 1; }

  std::array<double, kKeyCount> values_{};
};

/// A schedule in use. Remembers its last value, so that it is evaluated once per step number however many
/// parameters share it, and however many calls of the library a step takes.
class BoundSchedule {
 public:
  explicit BoundSchedule(Schedule schedule)
      : schedule_(std::move(schedule)), lost_callback_(schedule_.has_lost_callback()) {}

  /// The value at `step`. `call` numbers the library's calls: what a callback of the caller's said is
  /// remembered for one of them. A callback that was lost is asked for at once, in whichever part of a join
  /// it is.
  double value(std::uint64_t step, std::uint64_t call);

  [[nodiscard]] const Schedule& schedule() const { return schedule_; }

 private:
  Schedule schedule_;
  bool asks_caller_ = schedule_.has_callback();
  bool lost_callback_;
  std::uint64_t call_ = 0;  // 0: nothing is remembered
  std::uint64_t step_ = 0;
  int rounding_ = 0;  // the host's mode, in which the value was computed
  double value_ = 0.0;
};

/// Whose values are wanted, and when.
struct Evaluation {
  std::string_view parameter;
  std::uint64_t step;
  std::uint64_t call;  // of the library's
};

/// What is set for one parameter: a constant or a schedule for every key.
class Hyperparameters {
 public:
  void set(Key key, double value);
  void set_schedule(Key key, std::shared_ptr<BoundSchedule> schedule);
  [[nodiscard]] bool scheduled() const { return !schedules_.empty(); }

  // In parts, as checkpoints have them.
  [[nodiscard]] const HyperparameterValues& constants() const { return constants_; }
  /// That of the wanted key; null if it follows none.
  [[nodiscard]] std::shared_ptr<BoundSchedule> schedule(Key wanted) const;

  /// The values in force then, schedules evaluated and checked. A learning rate never set stays unset.
  [[nodiscard]] HyperparameterValues at(const Evaluation& evaluation) const;

  /// Makes the values those in force then, where they were those at another step.
  void advance(HyperparameterValues& values, const Evaluation& evaluation) const;

  /// The value of one key in force then, asking no other key's schedule; NaN for a learning rate never set.
  [[nodiscard]] double at(const Evaluation& evaluation, Key wanted) const;

 private:
  void remove_schedule(Key key);

  HyperparameterValues constants_;
  std::vector<std::pair<Key, std::shared_ptr<BoundSchedule>>> schedules_;
};

}  // namespace lars
