// Parameters and hyper-parameters of an optimizer; optimizer.cpp has the step.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "error.h"
#include "optimizer.h"
#include "selector.h"

namespace lars {

std::uint32_t Optimizer::add_parameter(const char* name, std::int32_t type, std::uint32_t ndim,
                                       const std::int64_t* shape) {
  if (stepped_) {
    fail(LARS_ERR_STATE, "parameter '{}' comes too late: all parameters must be added before the first step",
         name);
  }
  Parameter parameter = make_parameter(name, type, ndim, shape);
  if (indices_.contains(parameter.name)) {
    fail(LARS_ERR_NAME, "name '{}' is already taken by parameter {}; names must be unique", parameter.name,
         indices_.at(parameter.name));
  }
  if (parameters_.size() == std::numeric_limits<std::uint32_t>::max()) {
    fail(LARS_ERR_ARGUMENT, "there are {} parameters already, as many as are allowed", parameters_.size());
  }
  parameter.hyperparameters = defaults_;
  const std::uint32_t index = parameter_count();
  parameters_.push_back(std::move(parameter));
  try {
    indices_.emplace(parameters_.back().name, index);
  } catch (...) {
    parameters_.pop_back();
    throw;
  }
  prepared_ = false;
  return index;
}

bool Optimizer::has_elements() const {
  return std::any_of(parameters_.begin(), parameters_.end(),
                     [](const Parameter& one) { return one.count > 0; });
}

std::uint32_t Optimizer::parameter_index(std::string_view name) const {
  const auto found = indices_.find(name);
  if (found == indices_.end()) fail(LARS_ERR_NAME, "no parameter is called '{}'", name);
  return found->second;
}

const Parameter& Optimizer::parameter(std::uint32_t index) const {
  if (index >= parameters_.size()) {
    fail(LARS_ERR_INDEX, "index {} is out of range; there are {} parameters", index, parameters_.size());
  }
  return parameters_[index];
}

std::vector<std::uint32_t> Optimizer::matches(std::string_view glob) const {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t index = 0; index < parameters_.size(); ++index) {
    if (glob_matches(glob, parameters_[index].name)) indices.push_back(index);
  }
  if (indices.empty()) {
    fail(LARS_ERR_SELECTOR,
         "selector \"{}\" matches none of the {} parameters added so far; check its spelling", glob,
         parameters_.size());
  }
  return indices;
}

std::vector<std::uint32_t> Optimizer::matches(lars_predicate predicate, void* user) const {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t index = 0; index < parameters_.size(); ++index) {
    const Parameter& parameter = parameters_[index];
    std::int32_t answer = 0;
    try {
      answer = predicate(user, index, parameter.name.c_str(), static_cast<std::int32_t>(parameter.type),
                         static_cast<std::uint32_t>(parameter.shape.size()), parameter.shape.data());
    } catch (...) {
      fail(LARS_ERR_CALLBACK, "the predicate threw an exception for '{}'", parameter.name);
    }
    if (answer != 0 && answer != 1) {
      fail(LARS_ERR_CALLBACK, "the predicate failed for '{}': it returned {} instead of 0 or 1",
           parameter.name, answer);
    }
    if (answer == 1) indices.push_back(index);
  }
  if (indices.empty()) {
    fail(LARS_ERR_SELECTOR, "the predicate selects none of the {} parameters added so far",
         parameters_.size());
  }
  return indices;
}

/// Changes copies, which may fail, and then swaps them in, which cannot.
template <class Change>
void Optimizer::change(const std::vector<std::uint32_t>& indices, const Change& change_one) {
  std::vector<Hyperparameters> changed;
  changed.reserve(indices.size());
  for (const std::uint32_t index : indices) {
    changed.push_back(parameters_[index].hyperparameters);
    change_one(changed.back());
  }
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::swap(parameters_[indices[i]].hyperparameters, changed[i]);
}

template <class Change>
void Optimizer::change_selected(const char* selector, const Change& change_one) {
  if (selector != nullptr) {
    change(matches(selector), change_one);
    return;
  }
  Hyperparameters defaults = defaults_;
  change_one(defaults);
  std::vector<std::uint32_t> everyone(parameters_.size());
  for (std::uint32_t index = 0; index < everyone.size(); ++index) everyone[index] = index;
  change(everyone, change_one);
  std::swap(defaults_, defaults);
}

void Optimizer::set(const char* selector, Key key, double value) {
  check_value(key, value);
  change_selected(selector, [&](Hyperparameters& hyperparameters) { hyperparameters.set(key, value); });
}

void Optimizer::set_if(lars_predicate predicate, void* user, Key key, double value) {
  check_value(key, value);
  change(matches(predicate, user),
         [&](Hyperparameters& hyperparameters) { hyperparameters.set(key, value); });
}

void Optimizer::set_schedule(const char* selector, Key key, const Schedule& schedule) {
  check_schedulable(key);
  const auto bound = std::make_shared<BoundSchedule>(schedule);
  change_selected(selector,
                  [&](Hyperparameters& hyperparameters) { hyperparameters.set_schedule(key, bound); });
}

void Optimizer::set_schedule_if(lars_predicate predicate, void* user, Key key, const Schedule& schedule) {
  check_schedulable(key);
  const auto bound = std::make_shared<BoundSchedule>(schedule);
  change(matches(predicate, user),
         [&](Hyperparameters& hyperparameters) { hyperparameters.set_schedule(key, bound); });
}

double Optimizer::value_at_next_step(std::uint32_t index, Key key) {
  const Parameter& one = parameter(index);
  const double value = one.hyperparameters.at(one.steps, ++call_, key);
  if (std::isnan(value)) throw missing_learning_rate(one);
  return value;
}

}  // namespace lars
