// What a checkpoint says of an optimizer beside its tensors: parameters, hyper-parameters, schedules, counts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "checkpoint/checkpoint.h"
#include "checkpoint/json.h"
#include "error.h"

namespace lars {
namespace {

// ---- Hyper-parameters -----------------------------------------------------------------------------------

/// Different sets of hyper-parameters and schedules, each written once however many parameters have it.
class Sets {
 public:
  std::size_t index_of(const Hyperparameters& hyperparameters) {
    Json::Object constants;
    Json::Object schedules;
    std::string contents;  // of both, what the set is known by
    for (const Key key : all_keys()) {
      const auto schedule = hyperparameters.schedule(key);
      std::string text =
          schedule ? formatted("{}", index_of(schedule)) : text_of(hyperparameters.constants()[key]);
      contents += (schedule ? " schedule " : " ") + text;
      (schedule ? schedules : constants)[key_name(key)] = std::move(text);
    }
    const auto [place, is_new] = set_indices_.try_emplace(std::move(contents), sets_.size());
    if (is_new)
      sets_.push_back(Json({{"constants", std::move(constants)}, {"schedules", std::move(schedules)}}));
    return place->second;
  }

  [[nodiscard]] Json sets() const { return sets_; }
  [[nodiscard]] Json schedules() const {
    Json::Array list;
    for (const auto& schedule : schedules_) list.push_back(schedule->schedule().to_json());
    return list;
  }

 private:
  std::size_t index_of(const std::shared_ptr<BoundSchedule>& schedule) {
    const auto [place, is_new] = schedule_indices_.try_emplace(schedule.get(), schedules_.size());
    if (is_new) schedules_.push_back(schedule);
    return place->second;
  }

  // In order of their first appearance, and where each is: a search would make saving quadratic.
  Json::Array sets_;
  std::map<std::string, std::size_t> set_indices_;
  std::vector<std::shared_ptr<BoundSchedule>> schedules_;
  std::map<const BoundSchedule*, std::size_t> schedule_indices_;
};

/// The element that a number in the file chooses.
template <class Element>
const Element& element(const std::vector<Element>& list, const Json& number, const char* what) {
  const std::uint64_t index = unsigned_of(number);
  if (index >= list.size()) fail(LARS_ERR_FORMAT, "there is no {} {}", what, index);
  return list[static_cast<std::size_t>(index)];
}

Hyperparameters hyperparameters_of(const Json& set,
                                   const std::vector<std::shared_ptr<BoundSchedule>>& schedules) {
  Hyperparameters hyperparameters;
  const Json& constants = member(set, "constants");
  const Json& scheduled = member(set, "schedules");
  for (const Key key : all_keys()) {
    if (const Json* index = find_member(scheduled, key_name(key))) {
      check_schedulable(key);
      hyperparameters.set_schedule(key, element(schedules, *index, "schedule"));
    } else {
      const double value = double_of(member(constants, key_name(key)));
      const bool unset = std::isnan(value) && key == Key::learning_rate;
      if (!unset) check_value(key, value);
      hyperparameters.set(key, value);
    }
  }
  return hyperparameters;
}

/// Callbacks are not in the file: those that the handle has already stay, unless an earlier file left them
/// there.
void keep_callbacks(const Hyperparameters& present, Hyperparameters& loaded) {
  for (const Key key : all_keys()) {
    const auto lost = loaded.schedule(key);
    const auto own = present.schedule(key);
    if (lost && lost->schedule().has_callback() && own && own->schedule().has_callback() &&
        !own->schedule().has_lost_callback()) {
      loaded.set_schedule(key, own);
    }
  }
}

// ---- Records --------------------------------------------------------------------------------------------

Json::Object json_of(const Record& record) {
  Json::Object json = {{"steps", formatted("{}", record.steps)},
                       {"limited", formatted("{}", record.limited)},
                       {"skips", formatted("{}", record.skips)},
                       {"weight_norm", text_of(record.norms.weight_norm)},
                       {"update_norm", text_of(record.norms.update_norm)},
                       {"gradient_norm", text_of(record.norms.gradient_norm)},
                       {"trust_ratio", text_of(record.norms.trust_ratio)},
                       {"effective_rate", text_of(record.norms.effective_rate)}};
  if (record.taken != record.steps) json["taken"] = formatted("{}", record.taken);
  return json;
}

Record record_of(const Json& json) {
  Record record;
  record.steps = unsigned_of(member(json, "steps"));
  const Json* taken = find_member(json, "taken");  // where it is another than steps
  record.taken = taken != nullptr ? unsigned_of(*taken) : record.steps;
  record.limited = unsigned_of(member(json, "limited"));
  record.skips = unsigned_of(member(json, "skips"));
  record.norms.weight_norm = double_of(member(json, "weight_norm"));
  record.norms.update_norm = double_of(member(json, "update_norm"));
  record.norms.gradient_norm = double_of(member(json, "gradient_norm"));
  record.norms.trust_ratio = double_of(member(json, "trust_ratio"));
  record.norms.effective_rate = double_of(member(json, "effective_rate"));
  return record;
}

}  // namespace

/// All but the tensors and what describes the file.
safetensors::Metadata Checkpoint::state_metadata() const {
  Sets sets;
  Json::Array parameters;
  for (std::uint32_t index = 0; index < optimizer_.parameter_count(); ++index) {
    const Parameter& parameter = optimizer_.parameters_[index];
    Json::Object json = json_of(optimizer_.records_[index]);
    json["name"] = parameter.name;
    json["dtype"] = element_type_name(parameter.type);
    json["shape"] = safetensors::shape_json(parameter.shape);
    json["hyperparameters"] = formatted("{}", sets.index_of(parameter.hyperparameters));
    parameters.emplace_back(std::move(json));
  }
  const std::string defaults = formatted("{}", sets.index_of(optimizer_.defaults_));
  const Json schedules = sets.schedules();
  if (schedules.count() > most_values()) {
    fail(LARS_ERR_STATE, "the schedules of this checkpoint would have {} values; at most {} are read",
         schedules.count(), most_values());
  }
  const Json optimizer = {
      {"defaults", defaults},
      {"started", optimizer_.started_},
      {"nonfinite_policy", formatted("{}", static_cast<std::int32_t>(optimizer_.policy_))},
      {"max_consecutive_skips", formatted("{}", optimizer_.most_skips_)},
      {"consecutive_skips", formatted("{}", optimizer_.consecutive_skips_)},
      {"total_skips", formatted("{}", optimizer_.total_skips_)},
      {"gradient_clip", text_of(optimizer_.clip_norm_)},
      {"micro_batches", formatted("{}", optimizer_.micro_batches_)},
      {"accumulated", formatted("{}", optimizer_.accumulated_)}};
  return {{"optimizer", optimizer.dump()},
          {"parameters", Json(parameters).dump()},
          {"hyperparameters", sets.sets().dump()},
          {"schedules", schedules.dump()}};
}

Checkpoint::Loaded Checkpoint::read_metadata(const safetensors::Metadata& metadata) const {
  const auto json = [&](const char* key) { return parse_member(metadata, key); };
  try {
    return read_metadata(json("optimizer"), json("parameters"), json("hyperparameters"), json("schedules"));
  } catch (const Error& error) {  // a value out of range is the file's fault here
    const bool known = error.status() == LARS_ERR_FORMAT || error.status() == LARS_ERR_MISMATCH;
    throw Error(known ? error.status() : LARS_ERR_FORMAT,
                formatted("the checkpoint cannot be used: {}", error.what()));
  }
}

Checkpoint::Loaded Checkpoint::read_metadata(const Json& optimizer, const Json& parameters, const Json& sets,
                                             const Json& schedules) const {
  std::vector<std::shared_ptr<BoundSchedule>> bound;
  for (const Json& schedule : list_of(schedules))
    bound.push_back(std::make_shared<BoundSchedule>(Schedule::from_json(schedule)));

  Loaded loaded;
  PersistentState& whole = loaded.optimizer;
  whole.records_.resize(optimizer_.parameter_count());
  loaded.hyperparameters.resize(optimizer_.parameter_count());
  std::set<std::string_view> found;
  for (const Json& json : list_of(parameters)) {
    const std::string& name = string_of(member(json, "name"));
    const auto place = optimizer_.indices_.find(name);
    if (place == optimizer_.indices_.end())
      fail(LARS_ERR_MISMATCH, "it has a parameter '{}', which this optimizer has not", name);
    const std::uint32_t index = place->second;
    const Parameter& parameter = optimizer_.parameters_[index];
    if (!found.insert(parameter.name).second) fail(LARS_ERR_FORMAT, "parameter '{}' is there twice", name);
    check_same(parameter, json);
    whole.records_[index] = record_of(json);
    loaded.hyperparameters[index] =
        hyperparameters_of(element(list_of(sets), member(json, "hyperparameters"), "set"), bound);
    keep_callbacks(parameter.hyperparameters, loaded.hyperparameters[index]);
  }
  for (const Parameter& parameter : optimizer_.parameters_) {
    if (!found.contains(parameter.name)) {
      fail(LARS_ERR_MISMATCH, "it has no parameter '{}', which this optimizer has", parameter.name);
    }
  }
  whole.defaults_ = hyperparameters_of(element(list_of(sets), member(optimizer, "defaults"), "set"), bound);
  keep_callbacks(optimizer_.defaults_, whole.defaults_);
  whole.started_ = bool_of(member(optimizer, "started"));
  const std::uint64_t policy = unsigned_of(member(optimizer, "nonfinite_policy"));
  if (policy > LARS_NONFINITE_PROPAGATE) fail(LARS_ERR_FORMAT, "there is no policy {}", policy);
  whole.policy_ = static_cast<NonfinitePolicy>(policy);
  whole.most_skips_ = unsigned_of(member(optimizer, "max_consecutive_skips"));
  whole.consecutive_skips_ = unsigned_of(member(optimizer, "consecutive_skips"));
  whole.total_skips_ = unsigned_of(member(optimizer, "total_skips"));
  whole.clip_norm_ = double_of(member(optimizer, "gradient_clip"));
  const std::uint64_t micro_batches = unsigned_of(member(optimizer, "micro_batches"));
  const std::uint64_t accumulated = unsigned_of(member(optimizer, "accumulated"));
  if (!(whole.clip_norm_ > 0.0) || micro_batches < 1 || accumulated > micro_batches ||
      micro_batches > std::numeric_limits<std::uint32_t>::max()) {
    fail(LARS_ERR_FORMAT, "a clip of {}, {} of {} micro-batches: that cannot be", whole.clip_norm_,
         accumulated, micro_batches);
  }
  // Parameters may be added until then; what was accumulated has them all.
  if (!whole.started_ && accumulated != 0) {
    fail(LARS_ERR_FORMAT, "an optimizer that has not started has no micro-batches");
  }
  whole.micro_batches_ = static_cast<std::uint32_t>(micro_batches);
  whole.accumulated_ = static_cast<std::uint32_t>(accumulated);
  return loaded;
}

void Checkpoint::check_same(const Parameter& parameter, const Json& json) {
  const std::string& dtype = string_of(member(json, "dtype"));
  if (dtype != element_type_name(parameter.type)) {
    fail(LARS_ERR_MISMATCH, "'{}' is {} in the checkpoint and {} here", parameter.name, dtype,
         element_type_name(parameter.type));
  }
  const Json& shape = member(json, "shape");
  if (shape != Json(safetensors::shape_json(parameter.shape))) {
    fail(LARS_ERR_MISMATCH, "'{}' has the shape {} in the checkpoint and {} here", parameter.name,
         shape.dump(), Json(safetensors::shape_json(parameter.shape)).dump());
  }
}

}  // namespace lars
