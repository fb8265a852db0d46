// Schedules in checkpoints: a form and its numbers.
#include <algorithm>
#include <type_traits>

#include "checkpoint/json.h"
#include "error.h"
#include "schedule.h"
#include "utf8.h"

namespace lars {
namespace {

template <class Number>
Json::Array texts_of(const std::vector<Number>& numbers) {
  Json::Array list;
  for (const Number number : numbers) list.emplace_back(formatted("{}", number));
  return list;
}

std::vector<std::uint64_t> unsigneds_in(const Json& json, const char* key) {
  std::vector<std::uint64_t> numbers;
  for (const Json& number : list_of(member(json, key))) numbers.push_back(unsigned_of(number));
  return numbers;
}

std::vector<double> doubles_in(const Json& json, const char* key) {
  std::vector<double> numbers;
  for (const Json& number : list_of(member(json, key))) numbers.push_back(double_of(number));
  return numbers;
}

double double_in(const Json& json, const char* key) { return double_of(member(json, key)); }
std::uint64_t unsigned_in(const Json& json, const char* key) { return unsigned_of(member(json, key)); }

}  // namespace

template <class... Forms>
bool Schedule::has() const {
  if (const auto* join = std::get_if<Join>(&form_)) {
    return std::any_of(join->parts.begin(), join->parts.end(),
                       [](const Schedule& part) { return part.has<Forms...>(); });
  }
  return (std::holds_alternative<Forms>(form_) || ...);
}

bool Schedule::has_callback() const { return has<Callback, LostCallback>(); }
bool Schedule::has_lost_callback() const { return has<LostCallback>(); }

Json Schedule::to_json() const {
  struct Writer {
    Json operator()(const Constant& form) const {
      return {{"form", "constant"}, {"value", text_of(form.value)}};
    }
    Json operator()(const Polynomial& form) const {
      return {{"form", "polynomial"},
              {"init_value", text_of(form.init_value)},
              {"end_value", text_of(form.end_value)},
              {"power", text_of(form.power)},
              {"transition_steps", formatted("{}", form.transition_steps)},
              {"transition_begin", formatted("{}", form.transition_begin)}};
    }
    Json operator()(const PiecewiseConstant& form) const {
      return {{"form", "piecewise_constant"},
              {"init_value", text_of(form.init_value)},
              {"boundaries", texts_of(form.boundaries)},
              {"scales", texts_of(form.scales)}};
    }
    Json operator()(const PiecewiseInterpolate& form) const {
      return {{"form", "piecewise_interpolate"},
              {"cosine", form.cosine},
              {"boundaries", texts_of(form.boundaries)},
              {"values", texts_of(form.values)}};
    }
    Json operator()(const ExponentialDecay& form) const {
      Json::Object json = {{"form", "exponential_decay"},
                           {"init_value", text_of(form.init_value)},
                           {"decay_rate", text_of(form.decay_rate)},
                           {"transition_steps", formatted("{}", form.transition_steps)},
                           {"transition_begin", formatted("{}", form.transition_begin)},
                           {"staircase", form.staircase}};
      if (form.end_value) json["end_value"] = text_of(*form.end_value);
      return json;
    }
    Json operator()(const CosineDecay& form) const {
      return {{"form", "cosine_decay"},
              {"init_value", text_of(form.init_value)},
              {"alpha", text_of(form.alpha)},
              {"exponent", text_of(form.exponent)},
              {"decay_steps", formatted("{}", form.decay_steps)}};
    }
    Json operator()(const Join& form) const {
      Json::Array parts;
      for (const Schedule& part : form.parts) parts.push_back(part.to_json());
      return {{"form", "join"}, {"parts", parts}, {"boundaries", texts_of(form.boundaries)}};
    }
    Json operator()(const Callback& /*form*/) const { return {{"form", "callback"}}; }
    Json operator()(const LostCallback& /*form*/) const { return {{"form", "callback"}}; }
  };
  return std::visit(Writer{}, form_);
}

/// Through the constructors, which check what they are given: a file may say anything.
Schedule Schedule::from_json(const Json& json) {
  const std::string& form = string_of(member(json, "form"));
  if (form == "constant") return constant(double_in(json, "value"));
  if (form == "polynomial") {
    return polynomial(double_in(json, "init_value"), double_in(json, "end_value"), double_in(json, "power"),
                      unsigned_in(json, "transition_steps"), unsigned_in(json, "transition_begin"));
  }
  if (form == "piecewise_constant") {
    const std::vector<std::uint64_t> boundaries = unsigneds_in(json, "boundaries");
    const std::vector<double> scales = doubles_in(json, "scales");
    if (boundaries.size() != scales.size())
      fail(LARS_ERR_FORMAT, "a schedule has fewer boundaries than scales");
    return piecewise_constant(double_in(json, "init_value"), boundaries, scales);
  }
  if (form == "piecewise_interpolate") {
    return interpolation_through(bool_of(member(json, "cosine")), unsigneds_in(json, "boundaries"),
                                 doubles_in(json, "values"));
  }
  if (form == "exponential_decay") {
    std::optional<double> end_value;
    if (const Json* bound = find_member(json, "end_value")) end_value = double_of(*bound);
    return exponential_decay(double_in(json, "init_value"), unsigned_in(json, "transition_steps"),
                             double_in(json, "decay_rate"), unsigned_in(json, "transition_begin"),
                             bool_of(member(json, "staircase")) ? 1 : 0, end_value);
  }
  if (form == "cosine_decay") {
    return cosine_decay(double_in(json, "init_value"), unsigned_in(json, "decay_steps"),
                        double_in(json, "alpha"), double_in(json, "exponent"));
  }
  if (form == "join") {
    std::vector<Schedule> parts;
    for (const Json& part : list_of(member(json, "parts"))) parts.push_back(from_json(part));
    const std::vector<std::uint64_t> boundaries = unsigneds_in(json, "boundaries");
    if (parts.empty() || boundaries.size() != parts.size() - 1) {
      fail(LARS_ERR_FORMAT, "a joined schedule has {} parts and {} boundaries", parts.size(),
           boundaries.size());
    }
    return join(std::move(parts), boundaries);
  }
  if (form == "callback") return Schedule(LostCallback{});
  fail(LARS_ERR_FORMAT, "\"{}\" is no form of a schedule", cut(form, 64));
}

}  // namespace lars
