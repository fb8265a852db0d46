#include "cases.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

namespace lars_test {

namespace {

using lars::Key;
using lars::Type;

// ---- Words of the cases ---------------------------------------------------------------------------------

const std::map<std::string, Type> kTypes = {{"float16", Type::f16},
                                            {"bfloat16", Type::bf16},
                                            {"float32", Type::f32},
                                            {"float64", Type::f64},
                                            {"int16", Type::i16}};

const std::map<std::string, Key> kKeys = {{"learning_rate", Key::learning_rate},
                                          {"weight_decay", Key::weight_decay},
                                          {"weight_decay_mask", Key::weight_decay_mask},
                                          {"trust_coefficient", Key::trust_coefficient},
                                          {"eps", Key::eps},
                                          {"trust_ratio_mask", Key::trust_ratio_mask},
                                          {"momentum", Key::momentum},
                                          {"nesterov", Key::nesterov},
                                          {"gradient_scale", Key::gradient_scale},
                                          {"denominator", Key::denominator},
                                          {"outside_momentum", Key::outside_momentum},
                                          {"trust_clip", Key::trust_clip},
                                          {"dampening", Key::dampening},
                                          {"decay_in_update", Key::decay_in_update},
                                          {"zero_norm_decay", Key::zero_norm_decay},
                                          {"clip_value", Key::clip_value}};

const std::map<std::string, lars::Telemetry> kQuantities = {
    {"weight_norm", lars::Telemetry::weight_norm},       {"gradient_norm", lars::Telemetry::gradient_norm},
    {"update_norm", lars::Telemetry::update_norm},       {"trust_ratio", lars::Telemetry::trust_ratio},
    {"effective_rate", lars::Telemetry::effective_rate}, {"limited_share", lars::Telemetry::limited_share},
    {"skipped_share", lars::Telemetry::skipped_share}};

const std::map<std::string, lars::Variant> kVariants = {
    {"optax", lars::Variant::optax}, {"paper", lars::Variant::paper},   {"torch", lars::Variant::torch},
    {"larc", lars::Variant::larc},   {"barlow", lars::Variant::barlow}, {"tf", lars::Variant::tf}};

const std::map<std::string, lars::NonfinitePolicy> kPolicies = {
    {"refuse", lars::NonfinitePolicy::refuse},
    {"skip", lars::NonfinitePolicy::skip},
    {"propagate", lars::NonfinitePolicy::propagate}};

}  // namespace

Type type_of(const Json& word) { return kTypes.at(word.get<std::string>()); }
Key key_of(const Json& word) { return kKeys.at(word.get<std::string>()); }
lars::Telemetry quantity_of(const Json& word) { return kQuantities.at(word.get<std::string>()); }
lars::Variant variant_of(const Json& word) { return kVariants.at(word.get<std::string>()); }
lars::NonfinitePolicy policy_of(const Json& word) { return kPolicies.at(word.get<std::string>()); }

std::string word_of(Type type) {
  for (const auto& [word, value] : kTypes) {
    if (value == type) return word;
  }
  throw std::logic_error("no such type");
}

std::string word_of(lars::NonfinitePolicy policy) {
  for (const auto& [word, value] : kPolicies) {
    if (value == policy) return word;
  }
  throw std::logic_error("no such policy");
}

double number(const Json& value) {
  return value.is_string() ? std::strtod(value.get<std::string>().c_str(), nullptr) : value.get<double>();
}

std::string bits_of(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

Json bits_of_all(lars::Span<const double> values) {
  Json all = Json::array();
  for (const double value : values) all.push_back(bits_of(value));
  return all;
}

std::vector<std::byte> bytes_of(const std::string& digits) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string digits_of(const std::vector<std::byte>& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string digits;
  for (const std::byte one : bytes) {
    digits += kDigits[std::to_integer<int>(one) / 16];
    digits += kDigits[std::to_integer<int>(one) % 16];
  }
  return digits;
}

// ---- Predicates and schedules ---------------------------------------------------------------------------

bool selects(const Json& predicate, const lars::Parameter& parameter) {
  const std::string kind = predicate.begin().key();
  const Json& value = predicate.begin().value();
  if (kind == "ndim_at_most") return parameter.shape.size() <= value.get<std::size_t>();
  if (kind == "name_ends_with") {
    const std::string end = value.get<std::string>();
    return parameter.name.size() >= end.size() &&
           parameter.name.substr(parameter.name.size() - end.size()) == end;
  }
  if (kind == "dtype") return parameter.type == kTypes.at(value.get<std::string>());
  if (kind == "index") return parameter.index == value.get<std::uint32_t>();
  if (kind == "first_extent")
    return !parameter.shape.empty() && parameter.shape[0] == value.get<std::int64_t>();
  throw std::runtime_error("told to fail");
}

namespace {

double function_of(const std::string& name, std::uint64_t step) {
  if (name == "reciprocal") return 1.0 / (1.0 + static_cast<double>(step));
  throw std::runtime_error("told to fail");
}

std::vector<lars::Boundary> boundaries_of(const Json& arguments) {
  std::vector<lars::Boundary> boundaries;
  for (const Json& boundary : arguments.at("boundaries"))
    boundaries.push_back({boundary[0].get<std::uint64_t>(), number(boundary[1])});
  return boundaries;
}

lars::Schedule joined(const Json& arguments) {
  const Json& parts = arguments.at("schedules");
  std::vector<std::pair<std::uint64_t, lars::Schedule>> others;
  for (std::size_t i = 1; i < parts.size(); ++i)
    others.emplace_back(arguments.at("boundaries")[i - 1].get<std::uint64_t>(), schedule_of(parts[i]));
  return lars::Schedule::join(schedule_of(parts[0]), others);
}

lars::Schedule cycles(const Json& arguments) {
  std::vector<lars::Cycle> all;
  for (const Json& cycle : arguments.at("cycles")) {
    all.push_back({number(cycle.at("init_value")), number(cycle.at("peak_value")),
                   cycle.at("warmup_steps").get<std::uint64_t>(),
                   cycle.at("decay_steps").get<std::uint64_t>(), number(cycle.at("end_value")),
                   number(cycle.at("exponent"))});
  }
  return lars::Schedule::sgdr(all);
}

}  // namespace

lars::Schedule schedule_of(const Json& spec) {
  using lars::Schedule;
  const std::string kind = spec.begin().key();
  const Json& given = spec.begin().value();
  const auto value = [&](const char* name) { return number(given.at(name)); };
  const auto steps = [&](const char* name) { return given.at(name).get<std::uint64_t>(); };
  double end = 0.0;
  const auto bound = [&]() -> const double* {
    if (given.at("end_value").is_null()) return nullptr;
    end = value("end_value");
    return &end;
  };
  if (kind == "callback") {
    const std::string name = given.get<std::string>();
    return Schedule::callback([name](std::uint64_t step) { return function_of(name, step); });
  }
  if (kind == "join") return joined(given);
  if (kind == "sgdr") return cycles(given);
  if (kind == "constant") return Schedule::constant(value("value"));
  if (kind == "linear") {
    return Schedule::linear(value("init_value"), value("end_value"), steps("transition_steps"),
                            steps("transition_begin"));
  }
  if (kind == "polynomial") {
    return Schedule::polynomial(value("init_value"), value("end_value"), value("power"),
                                steps("transition_steps"), steps("transition_begin"));
  }
  if (kind == "piecewise_constant")
    return Schedule::piecewise_constant(value("init_value"), boundaries_of(given));
  if (kind == "piecewise_interpolate") {
    const bool cosine = given.at("interpolate_type") == "cosine";
    return Schedule::piecewise_interpolate(cosine ? lars::Interpolation::cosine : lars::Interpolation::linear,
                                           value("init_value"), boundaries_of(given));
  }
  if (kind == "exponential_decay") {
    return Schedule::exponential_decay(value("init_value"), steps("transition_steps"), value("decay_rate"),
                                       steps("transition_begin"), given.at("staircase").get<bool>(), bound());
  }
  if (kind == "cosine_decay") {
    return Schedule::cosine_decay(value("init_value"), steps("decay_steps"), value("alpha"),
                                  value("exponent"));
  }
  if (kind == "linear_onecycle") {
    return Schedule::linear_onecycle(steps("transition_steps"), value("peak_value"), value("pct_start"),
                                     value("pct_final"), value("div_factor"), value("final_div_factor"));
  }
  if (kind == "cosine_onecycle") {
    return Schedule::cosine_onecycle(steps("transition_steps"), value("peak_value"), value("pct_start"),
                                     value("div_factor"), value("final_div_factor"));
  }
  if (kind == "warmup_constant")
    return Schedule::warmup_constant(value("init_value"), value("peak_value"), steps("warmup_steps"));
  if (kind == "warmup_cosine_decay") {
    return Schedule::warmup_cosine_decay(value("init_value"), value("peak_value"), steps("warmup_steps"),
                                         steps("decay_steps"), value("end_value"), value("exponent"));
  }
  if (kind == "warmup_exponential_decay") {
    return Schedule::warmup_exponential_decay(
        value("init_value"), value("peak_value"), steps("warmup_steps"), steps("transition_steps"),
        value("decay_rate"), steps("transition_begin"), given.at("staircase").get<bool>(), bound());
  }
  throw std::logic_error("no schedule is called " + kind);
}

}  // namespace lars_test
