#include "schedule_factory.h"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace lars_parity {
namespace {

using lars_test::ScheduleHandle;
using nlohmann::json;
using Maker = std::function<std::int32_t(const json& arguments, lars_schedule** schedule)>;

struct InverseTime {
  double value;
  double decay;
};

/// schedules.inverse_time: a user's own function.
std::int32_t inverse_time(void* user, std::uint64_t step, double* value) {
  const auto* arguments = static_cast<const InverseTime*>(user);
  *value = arguments->value / (1.0 + arguments->decay * static_cast<double>(step));
  return 0;
}

std::int32_t make_callback(const json& a, lars_schedule** schedule) {
  static std::list<InverseTime> kept;  // schedules borrow it for as long as they live
  kept.push_back({a.at("value"), a.at("decay")});
  return lars_schedule_callback(inverse_time, &kept.back(), schedule);
}

/// An optional value as lars.h takes it.
class Optional {
 public:
  explicit Optional(const json& content)
      : given_(!content.is_null()), value_(given_ ? content.get<double>() : 0.0) {}
  [[nodiscard]] const double* pointer() const { return given_ ? &value_ : nullptr; }

 private:
  bool given_;
  double value_;
};

/// optax's boundaries_and_scales as lars.h takes it. Golden files hold pairs in increasing order.
struct Boundaries {
  explicit Boundaries(const json& pairs) {
    for (const json& pair : pairs) {
      steps.push_back(pair.at(0));
      scales.push_back(pair.at(1));
    }
  }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(steps.size()); }

  std::vector<std::uint64_t> steps;
  std::vector<double> scales;
};

std::int32_t make_piecewise_constant(const json& a, lars_schedule** schedule) {
  const Boundaries b(a.at("boundaries_and_scales"));
  return lars_schedule_piecewise_constant(a.at("init_value"), b.count(), b.steps.data(), b.scales.data(),
                                          schedule);
}

std::int32_t make_piecewise_interpolate(const json& a, lars_schedule** schedule) {
  const Boundaries b(a.at("boundaries_and_scales"));
  const std::int32_t interpolation =
      a.at("interpolate_type") == "cosine" ? LARS_INTERPOLATE_COSINE : LARS_INTERPOLATE_LINEAR;
  return lars_schedule_piecewise_interpolate(interpolation, a.at("init_value"), b.count(), b.steps.data(),
                                             b.scales.data(), schedule);
}

std::int32_t make_exponential_decay(const json& a, lars_schedule** schedule) {
  return lars_schedule_exponential_decay(a.at("init_value"), a.at("transition_steps"), a.at("decay_rate"),
                                         a.at("transition_begin"), a.at("staircase").get<bool>() ? 1 : 0,
                                         Optional(a.at("end_value")).pointer(), schedule);
}

std::int32_t make_warmup_exponential_decay(const json& a, lars_schedule** schedule) {
  return lars_schedule_warmup_exponential_decay(
      a.at("init_value"), a.at("peak_value"), a.at("warmup_steps"), a.at("transition_steps"),
      a.at("decay_rate"), a.at("transition_begin"), a.at("staircase").get<bool>() ? 1 : 0,
      Optional(a.at("end_value")).pointer(), schedule);
}

template <class Value>
std::vector<Value> column(const json& rows, const std::string& name) {
  std::vector<Value> values;
  for (const json& row : rows) values.push_back(row.at(name));
  return values;
}

std::int32_t make_sgdr(const json& a, lars_schedule** schedule) {
  const json& cycles = a.at("cosine_kwargs");
  return lars_schedule_sgdr(
      static_cast<std::uint32_t>(cycles.size()), column<double>(cycles, "init_value").data(),
      column<double>(cycles, "peak_value").data(), column<std::uint64_t>(cycles, "warmup_steps").data(),
      column<std::uint64_t>(cycles, "decay_steps").data(), column<double>(cycles, "end_value").data(),
      column<double>(cycles, "exponent").data(), schedule);
}

std::int32_t make_join(const json& a, lars_schedule** schedule) {
  std::vector<ScheduleHandle> parts;
  std::vector<const lars_schedule*> pointers;
  for (const json& part : a.at("schedules")) {
    parts.push_back(make_described_schedule(part));
    pointers.push_back(parts.back().get());
  }
  const std::vector<std::uint64_t> boundaries = a.at("boundaries");
  return lars_schedule_join(static_cast<std::uint32_t>(parts.size()), pointers.data(), boundaries.data(),
                            schedule);
}

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"constant_schedule", [](const json& a, auto s) { return lars_schedule_constant(a.at("value"), s); }},
      {"linear_schedule",
       [](const json& a, auto s) {
         return lars_schedule_linear(a.at("init_value"), a.at("end_value"), a.at("transition_steps"),
                                     a.at("transition_begin"), s);
       }},
      {"polynomial_schedule",
       [](const json& a, auto s) {
         return lars_schedule_polynomial(a.at("init_value"), a.at("end_value"), a.at("power"),
                                         a.at("transition_steps"), a.at("transition_begin"), s);
       }},
      {"piecewise_constant_schedule", make_piecewise_constant},
      {"piecewise_interpolate_schedule", make_piecewise_interpolate},
      {"exponential_decay", make_exponential_decay},
      {"cosine_decay_schedule",
       [](const json& a, auto s) {
         return lars_schedule_cosine_decay(a.at("init_value"), a.at("decay_steps"), a.at("alpha"),
                                           a.at("exponent"), s);
       }},
      {"linear_onecycle_schedule",
       [](const json& a, auto s) {
         return lars_schedule_linear_onecycle(a.at("transition_steps"), a.at("peak_value"), a.at("pct_start"),
                                              a.at("pct_final"), a.at("div_factor"), a.at("final_div_factor"),
                                              s);
       }},
      {"cosine_onecycle_schedule",
       [](const json& a, auto s) {
         return lars_schedule_cosine_onecycle(a.at("transition_steps"), a.at("peak_value"), a.at("pct_start"),
                                              a.at("div_factor"), a.at("final_div_factor"), s);
       }},
      {"warmup_constant_schedule",
       [](const json& a, auto s) {
         return lars_schedule_warmup_constant(a.at("init_value"), a.at("peak_value"), a.at("warmup_steps"),
                                              s);
       }},
      {"warmup_cosine_decay_schedule",
       [](const json& a, auto s) {
         return lars_schedule_warmup_cosine_decay(a.at("init_value"), a.at("peak_value"),
                                                  a.at("warmup_steps"), a.at("decay_steps"),
                                                  a.at("end_value"), a.at("exponent"), s);
       }},
      {"warmup_exponential_decay_schedule", make_warmup_exponential_decay},
      {"sgdr_schedule", make_sgdr},
      {"join_schedules", make_join},
      {"inverse_time", make_callback},
  };
  return table;
}

}  // namespace

ScheduleHandle make_described_schedule(const json& description) {
  lars_schedule* schedule = nullptr;
  const std::int32_t status = makers().at(description.at("schedule"))(description.at("arguments"), &schedule);
  ScheduleHandle handle(schedule);
  if (status != LARS_OK) {
    throw RefusedSchedule(status, lars_schedule_error_message(schedule));
  }
  return handle;
}

}  // namespace lars_parity
