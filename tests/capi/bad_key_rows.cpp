// Bad input by key: numbers that are no key, values outside a key's range, and schedules of either kind.
#include <cmath>
#include <sstream>

#include "capi/bad_input_helpers.h"

namespace lars_test {
namespace {

struct Range {
  const char* description;
  std::vector<double> bad;
  bool schedulable;
};

const Range kAtLeastZero = {"must be finite and at least 0", {NAN, INFINITY, -0.1}, true};
const Range kAboveZero = {"must be above 0", {NAN, 0.0, -0.5, -INFINITY}, true};
const Range kZeroToOne = {"must be from 0 to 1", {NAN, 1.5, -0.1}, true};
const Range kFinite = {"must be finite", {NAN, INFINITY, -INFINITY}, true};
const Range kFlag = {"must be 0 or 1", {NAN, 0.5, 2.0, -1.0, INFINITY}, false};
const Range kOneOfThree = {"must be 0, 1 or 2", {NAN, 0.5, 3.0, -1.0, INFINITY}, false};

struct KeyFacts {
  std::int32_t key;
  std::string name;
  const Range& range;
};

/// In order of their numbers, from 1.
const KeyFacts kKeys[] = {
    {LARS_LEARNING_RATE, "learning_rate", kAtLeastZero},
    {LARS_WEIGHT_DECAY, "weight_decay", kAtLeastZero},
    {LARS_WEIGHT_DECAY_MASK, "weight_decay_mask", kFlag},
    {LARS_TRUST_COEFFICIENT, "trust_coefficient", kAtLeastZero},
    {LARS_EPS, "eps", kAtLeastZero},
    {LARS_TRUST_RATIO_MASK, "trust_ratio_mask", kFlag},
    {LARS_MOMENTUM, "momentum", kZeroToOne},
    {LARS_NESTEROV, "nesterov", kFlag},
    {LARS_GRADIENT_SCALE, "gradient_scale", kFinite},
    {LARS_DENOMINATOR, "denominator", kOneOfThree},
    {LARS_OUTSIDE_MOMENTUM, "outside_momentum", kOneOfThree},
    {LARS_TRUST_CLIP, "trust_clip", kFlag},
    {LARS_DAMPENING, "dampening", kZeroToOne},
    {LARS_DECAY_IN_UPDATE, "decay_in_update", kFlag},
    {LARS_ZERO_NORM_DECAY, "zero_norm_decay", kFlag},
    {LARS_CLIP_VALUE, "clip_value", kAboveZero},
};

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

/// "NaN", as the completeness of the table asks; "minus 0.1", so that names of tests differ from "0.1".
std::string name_of(double value) {
  if (std::isnan(value)) return "NaN";
  return value < 0.0 ? "minus " + text_of(-value) : text_of(value);
}

using SetValue = std::int32_t (*)(lars_optimizer* optimizer, std::int32_t key, double value);
using SetSchedule = std::int32_t (*)(lars_optimizer* optimizer, std::int32_t key,
                                     const lars_schedule* schedule);

constexpr std::int32_t kUnknownKeys[] = {0, -1, 17, INT32_MAX};

void add_value_rows(std::vector<Row>& rows, const char* function, SetValue set) {
  for (const std::int32_t key : kUnknownKeys) {
    rows.push_back(
        {function,
         "key",
         "unknown " + name_of(key),
         LARS_ERR_KEY,
         {"key " + std::to_string(key) + " is unknown", "LARS_LEARNING_RATE (1) to LARS_CLIP_VALUE (16)"},
         [=](World& x) { return set(x.get(), key, 0.5); }});
  }
  for (const KeyFacts& facts : kKeys) {
    for (const double bad : facts.range.bad) {
      rows.push_back({function,
                      "value",
                      facts.name + " " + name_of(bad),
                      LARS_ERR_VALUE,
                      {facts.name + ": " + text_of(bad) + " is not allowed", facts.range.description},
                      [set, key = facts.key, bad](World& x) { return set(x.get(), key, bad); }});
    }
  }
}

void add_schedule_rows(std::vector<Row>& rows, const char* function, SetSchedule set) {
  for (const std::int32_t key : kUnknownKeys) {
    rows.push_back({function,
                    "key",
                    "unknown " + name_of(key),
                    LARS_ERR_KEY,
                    {"key " + std::to_string(key) + " is unknown"},
                    [=](World& x) { return set(x.get(), key, x.schedule.get()); }});
  }
  for (const KeyFacts& facts : kKeys) {
    if (facts.range.schedulable) continue;
    rows.push_back({function,
                    "key",
                    "cannot follow a schedule " + facts.name,
                    LARS_ERR_KEY,
                    {facts.name + " cannot follow a schedule", "with lars_set"},
                    [set, key = facts.key](World& x) { return set(x.get(), key, x.schedule.get()); }});
  }
}

/// Steps while the key follows a schedule of that constant value, and sets it back.
std::int32_t step_with_scheduled(World& x, std::int32_t key, double value) {
  double before = NAN;
  EXPECT_EQ(lars_get(x.get(), 0, key, &before), LARS_OK);
  const ScheduleHandle schedule = make_schedule(lars_schedule_constant, value);
  EXPECT_EQ(lars_set_schedule(x.get(), nullptr, key, schedule.get()), LARS_OK);
  const std::int32_t status = lars_step(x.get(), x.w.data(), x.g.data());
  x.trainee.set(key, before);
  return status;
}

void add_scheduled_value_rows(std::vector<Row>& rows) {
  for (const KeyFacts& facts : kKeys) {
    for (const double bad : facts.range.bad) {
      // Schedules themselves take finite values only.
      if (!facts.range.schedulable || !std::isfinite(bad)) continue;
      rows.push_back({"lars_step",
                      "optimizer",
                      facts.name + " scheduled as " + name_of(bad),
                      LARS_ERR_VALUE,
                      {facts.name + " of 'a.weight': its schedule gives " + text_of(bad) + " at step 1",
                       facts.range.description},
                      [key = facts.key, bad](World& x) { return step_with_scheduled(x, key, bad); }});
    }
  }
}

}  // namespace

std::vector<Row> key_rows() {
  std::vector<Row> rows;
  add_value_rows(rows, "lars_set", [](lars_optimizer* optimizer, std::int32_t key, double value) {
    return lars_set(optimizer, nullptr, key, value);
  });
  add_value_rows(rows, "lars_set_if", [](lars_optimizer* optimizer, std::int32_t key, double value) {
    return lars_set_if(optimizer, select_all, nullptr, key, value);
  });
  add_schedule_rows(rows, "lars_set_schedule",
                    [](lars_optimizer* optimizer, std::int32_t key, const lars_schedule* schedule) {
                      return lars_set_schedule(optimizer, nullptr, key, schedule);
                    });
  add_schedule_rows(rows, "lars_set_schedule_if",
                    [](lars_optimizer* optimizer, std::int32_t key, const lars_schedule* schedule) {
                      return lars_set_schedule_if(optimizer, select_all, nullptr, key, schedule);
                    });
  add_scheduled_value_rows(rows);
  return rows;
}

}  // namespace lars_test
