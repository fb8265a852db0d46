#include "hyperparameters.h"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

#include "error.h"

namespace lars {
namespace {

enum class Range { at_least_zero, above_zero, zero_to_one, flag, one_of_three, finite };

constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();  // no allowed value is NaN

struct KeyFacts {
  Key key;
  const char* name;
  Range range;
  double default_value;
};

/// In order of the keys' numbers. Defaults are those of optax.lars.
constexpr std::array<KeyFacts, kKeyCount> kKeys = {{
    {Key::learning_rate, "learning_rate", Range::at_least_zero, kUnset},
    {Key::weight_decay, "weight_decay", Range::at_least_zero, 0.0},
    {Key::weight_decay_mask, "weight_decay_mask", Range::flag, 1.0},
    {Key::trust_coefficient, "trust_coefficient", Range::at_least_zero, 0.001},
    {Key::eps, "eps", Range::at_least_zero, 0.0},
    {Key::trust_ratio_mask, "trust_ratio_mask", Range::flag, 1.0},
    {Key::momentum, "momentum", Range::zero_to_one, 0.9},
    {Key::nesterov, "nesterov", Range::flag, 0.0},
    {Key::gradient_scale, "gradient_scale", Range::finite, 1.0},
    {Key::denominator, "denominator", Range::one_of_three, 0.0},
    {Key::outside_momentum, "outside_momentum", Range::one_of_three, 0.0},
    {Key::trust_clip, "trust_clip", Range::flag, 0.0},
    {Key::dampening, "dampening", Range::zero_to_one, 0.0},
    {Key::decay_in_update, "decay_in_update", Range::flag, 1.0},
    {Key::zero_norm_decay, "zero_norm_decay", Range::flag, 1.0},
    {Key::clip_value, "clip_value", Range::above_zero, std::numeric_limits<double>::infinity()},
}};

const KeyFacts& facts(Key key) { return kKeys[static_cast<std::size_t>(key) - 1]; }

bool allowed(Range range, double value) {
  switch (range) {
    case Range::at_least_zero: return std::isfinite(value) && value >= 0.0;
    case Range::above_zero: return value > 0.0;
    case Range::zero_to_one: return value >= 0.0 && value <= 1.0;
    case Range::flag: return value == 0.0 || value == 1.0;
    case Range::one_of_three: return value == 0.0 || value == 1.0 || value == 2.0;
    case Range::finite: return std::isfinite(value);
  }
  return false;
}

const char* description(Range range) {
  switch (range) {
    case Range::at_least_zero: return "finite and at least 0";
    case Range::above_zero: return "above 0";
    case Range::zero_to_one: return "from 0 to 1";
    case Range::flag: return "0 or 1";
    case Range::one_of_three: return "0, 1 or 2";
    case Range::finite: return "finite";
  }
  return "";
}

}  // namespace

Key key_from_number(std::int32_t number) {
  if (number < 1 || number > static_cast<std::int32_t>(kKeyCount)) {
    fail(LARS_ERR_KEY, "key {} is unknown; the keys are LARS_LEARNING_RATE (1) to LARS_CLIP_VALUE ({})",
         number, kKeyCount);
  }
  return static_cast<Key>(number);
}

const char* key_name(Key key) { return facts(key).name; }

std::array<Key, kKeyCount> all_keys() {
  std::array<Key, kKeyCount> keys{};
  std::transform(kKeys.begin(), kKeys.end(), keys.begin(), [](const KeyFacts& one) { return one.key; });
  return keys;
}

void check_value(Key key, double value) {
  const KeyFacts& key_facts = facts(key);
  if (!allowed(key_facts.range, value)) {
    fail(LARS_ERR_VALUE, "{}: {} is not allowed; it must be {}", key_facts.name, value,
         description(key_facts.range));
  }
}

void check_schedulable(Key key) {
  const Range range = facts(key).range;
  if (range == Range::flag || range == Range::one_of_three) {
    fail(LARS_ERR_KEY, "{} cannot follow a schedule; set it to {} with lars_set", key_name(key),
         description(range));
  }
}

HyperparameterValues::HyperparameterValues() {
  for (const KeyFacts& key_facts : kKeys) set(key_facts.key, key_facts.default_value);
}

bool HyperparameterValues::is_set(Key key) const { return !std::isnan((*this)[key]); }

double BoundSchedule::value(std::uint64_t step, std::uint64_t call) {
  if (lost_callback_) Schedule::ask_for_callback();
  const int rounding = std::fegetround();
  const bool remembered =
      call_ != 0 && step_ == step && rounding_ == rounding && (call_ == call || !asks_caller_);
  if (!remembered) {
    value_ = schedule_.value(step);
    call_ = call;
    step_ = step;
    rounding_ = rounding;
  }
  return value_;
}

/// A schedule's value, which must be in the key's range like a constant.
static double checked_value(Key key, BoundSchedule& schedule, const Evaluation& evaluation) {
  try {
    const double value = schedule.value(evaluation.step, evaluation.call);
    if (!allowed(facts(key).range, value)) {
      fail(LARS_ERR_VALUE, "its schedule gives {} at step {}; it must be {}", value, evaluation.step,
           description(facts(key).range));
    }
    return value;
  } catch (const Error& error) {
    fail(error.status(), "{} of '{}': {}", key_name(key), evaluation.parameter, error.what());
  }
}

void Hyperparameters::set(Key key, double value) {
  remove_schedule(key);
  constants_.set(key, value);
}

void Hyperparameters::set_schedule(Key key, std::shared_ptr<BoundSchedule> schedule) {
  remove_schedule(key);
  schedules_.emplace_back(key, std::move(schedule));
}

std::shared_ptr<BoundSchedule> Hyperparameters::schedule(Key wanted) const {
  for (const auto& [key, schedule] : schedules_) {
    if (key == wanted) return schedule;
  }
  return nullptr;
}

void Hyperparameters::remove_schedule(Key key) {
  schedules_.erase(std::remove_if(schedules_.begin(), schedules_.end(),
                                  [key](const auto& scheduled) { return scheduled.first == key; }),
                   schedules_.end());
}

HyperparameterValues Hyperparameters::at(const Evaluation& evaluation) const {
  HyperparameterValues values = constants_;
  advance(values, evaluation);
  return values;
}

void Hyperparameters::advance(HyperparameterValues& values, const Evaluation& evaluation) const {
  for (const auto& [key, schedule] : schedules_) values.set(key, checked_value(key, *schedule, evaluation));
}

double Hyperparameters::at(const Evaluation& evaluation, Key wanted) const {
  for (const auto& [key, schedule] : schedules_) {
    if (key == wanted) return checked_value(key, *schedule, evaluation);
  }
  return constants_[wanted];
}

}  // namespace lars
