// Parameters and hyper-parameters of an optimizer, and what its steps run on; optimizer.cpp has the step.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <system_error>
#include <type_traits>
#include <utility>

#include "error.h"
#include "optimizer.h"
#include "recipe.h"
#include "selector.h"
#include "utf8.h"
#include "variant.h"

namespace lars {
namespace {

std::uint32_t threads_from_text(std::string_view text) {
  std::uint32_t threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size() || threads > LARS_MAX_THREADS) {
    fail(LARS_ERR_VALUE, "\"{}\" is not allowed; it must be a whole number from 0 to {}", shown(text),
         LARS_MAX_THREADS);
  }
  return threads;
}

void check_threads(std::uint32_t threads) {
  if (threads > LARS_MAX_THREADS) {
    fail(LARS_ERR_VALUE, "threads: {} is not allowed; it must be from 0 to {}", threads, LARS_MAX_THREADS);
  }
}

/// Passes the environment variable, if it is set and not empty, to use(value). What is wrong with it.
template <class Use>
std::optional<Error> read_environment(const char* variable, const Use& use) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): read, never written
  if (value == nullptr || *value == '\0') return {};
  try {
    use(value);
  } catch (const Error& error) {
    return Error(error.status(), formatted("environment variable {}: {}", variable, error.what()));
  }
  return {};
}

}  // namespace

Optimizer::Optimizer() {
  kernels_error_ = read_environment("LARS_KERNELS", [this](const char* name) { set_kernels(name); });
  threads_error_ = read_environment("LARS_NUM_THREADS",
                                    [this](const char* text) { set_threads(threads_from_text(text)); });
}

// ---- Parameters -----------------------------------------------------------------------------------------

std::uint32_t Optimizer::add_parameter(const char* name, std::int32_t type, std::uint32_t ndim,
                                       const std::int64_t* shape) {
  if (started_) {
    fail(LARS_ERR_STATE,
         "parameter '{}' comes too late: all parameters must be added before the first step or accumulation",
         shown(name));
  }
  Parameter parameter = make_parameter(name, type, ndim, shape);
  if (default_gradient_type_) {
    check_gradient_type(parameter, *default_gradient_type_);
    parameter.gradient_type = *default_gradient_type_;
  }
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
  const Parameter& added = parameters_.back();
  try {
    indices_.emplace(added.name, index);
    records_.resize(index + std::size_t{1});
  } catch (...) {
    indices_.erase(added.name);
    parameters_.pop_back();
    throw;
  }
  least_steps_.forget();
  element_count_ += added.count;
  scheduled_ = scheduled_ || added.hyperparameters.scheduled();
  values_hold_for_ = 0;
  tables_ready_ = false;
  have_state_ = false;
  return index;
}

void Optimizer::set_gradient_type(const char* selector, ElementType type) {
  if (accumulated_ != 0) {
    fail(LARS_ERR_STATE,
         "{} micro-batches are accumulated; step them or call lars_discard_accumulated before changing the "
         "gradients' type",
         accumulated_);
  }
  const std::vector<std::uint32_t> selected = selector != nullptr ? matches(selector) : everyone();
  for (const std::uint32_t index : selected) check_gradient_type(parameters_[index], type);
  for (const std::uint32_t index : selected) {
    parameters_[index].gradient_type = type;
    if (tables_ready_) tensors_[index].gradient_type = type;
  }
  if (selector == nullptr) default_gradient_type_ = type;
  buffer_check_.forget();
}

/// Allocates the library's own state and what goes with it. Of no effect when it fails, and when nothing has
/// changed since the last time.
void Optimizer::prepare() {
  if (have_state_) return;
  State state = allocate_state(false);  // by far the largest, so first to fail
  prepare_tables();
  state_ = std::move(state);
  have_accumulators_ = false;
  have_state_ = true;
}

Optimizer::State Optimizer::allocate_state(bool accumulators) const {
  std::vector<std::uint64_t> momentum_bytes;
  std::vector<std::uint64_t> master_bytes;
  for (const Parameter& parameter : parameters_) {
    momentum_bytes.push_back(parameter.compute_bytes());
    master_bytes.push_back(parameter.master_bytes());
  }
  return {TensorMemory(momentum_bytes), TensorMemory(master_bytes),
          accumulators ? allocate_accumulators() : TensorMemory()};
}

/// Makes what a step needs besides the state, for the parameters there are.
void Optimizer::prepare_tables() {
  if (tables_ready_) return;
  if (kernels_error_) throw Error(*kernels_error_);
  if (threads_error_) throw Error(*threads_error_);
  std::vector<std::uint64_t> counts;
  for (const Parameter& parameter : parameters_) counts.push_back(parameter.count);
  WorkList work(counts);
  std::vector<Moments> slots(work.segment_count());
  std::vector<TensorBuffers> buffers(parameters_.size());
  std::vector<TensorStep> tensors(parameters_.size());
  std::vector<KnownSums> known(parameters_.size());
  std::vector<std::uint32_t> by_name = everyone();
  std::sort(by_name.begin(), by_name.end(),
            [this](std::uint32_t a, std::uint32_t b) { return parameters_[a].name < parameters_[b].name; });
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    tensors[i].type = parameters_[i].type;
    tensors[i].gradient_type = parameters_[i].gradient_type;
  }
  buffer_check_.prepare(parameters_.size());
  telemetry_.prepare(parameters_.size());

  work_ = std::move(work);
  slots_ = std::move(slots);
  buffers_ = std::move(buffers);
  tensors_ = std::move(tensors);
  known_ = std::move(known);
  by_name_ = std::move(by_name);
  any_sums_known_ = false;
  tables_ready_ = true;
}

std::uint32_t Optimizer::parameter_index(std::string_view name) const {
  const auto found = indices_.find(name);
  if (found == indices_.end()) fail(LARS_ERR_NAME, "no parameter is called '{}'", shown(name));
  return found->second;
}

const Parameter& Optimizer::parameter(std::uint32_t index) const {
  if (index >= parameters_.size()) {
    fail(LARS_ERR_INDEX, "index {} is out of range; there {} {}", index,
         parameters_.size() == 1 ? "is" : "are", counted(parameters_.size(), "parameter"));
  }
  return parameters_[index];
}

// ---- Hyper-parameters -----------------------------------------------------------------------------------

std::vector<std::uint32_t> Optimizer::everyone() const {
  std::vector<std::uint32_t> indices(parameters_.size());
  std::iota(indices.begin(), indices.end(), 0U);
  return indices;
}

std::vector<std::uint32_t> Optimizer::matches(std::string_view glob) const {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t index = 0; index < parameters_.size(); ++index) {
    if (glob_matches(glob, parameters_[index].name)) indices.push_back(index);
  }
  if (parameters_.empty()) {
    fail(LARS_ERR_SELECTOR,
         "selector \"{}\" matches nothing, for there are no parameters yet; add them first", shown(glob));
  }
  if (indices.empty()) {
    fail(LARS_ERR_SELECTOR, "selector \"{}\" matches none of the {} added so far; check its spelling",
         shown(glob), counted(parameters_.size(), "parameter"));
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
    fail(LARS_ERR_SELECTOR, "the predicate selects none of the {} added so far",
         counted(parameters_.size(), "parameter"));
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
    if constexpr (std::is_invocable_v<Change, Hyperparameters&, std::uint32_t>) {
      change_one(changed.back(), index);
    } else {
      change_one(changed.back());
    }
  }
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::swap(parameters_[indices[i]].hyperparameters, changed[i]);
  hyperparameters_changed();
}

void Optimizer::hyperparameters_changed() {
  values_hold_for_ = 0;
  scheduled_ = std::any_of(parameters_.begin(), parameters_.end(),
                           [](const Parameter& one) { return one.hyperparameters.scheduled(); });
}

template <class Change>
void Optimizer::change_selected(const char* selector, const Change& change_one) {
  if (selector != nullptr) {
    change(matches(selector), change_one);
    return;
  }
  Hyperparameters defaults = defaults_;
  change_one(defaults);
  change(everyone(), change_one);
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

void Optimizer::set_variant(std::int32_t variant) {
  const std::span<const Choice> choices = variant_choices(variant);
  change_selected(nullptr, [&](Hyperparameters& hyperparameters) {
    for (const Choice& choice : choices) hyperparameters.set(choice.key, choice.value);
  });
}

/// The parameters there are, of which those with one dimension or none are left out of decay and adaptation,
/// and those to come.
void Optimizer::set_mlperf_resnet50(std::uint64_t batch, std::uint64_t steps_per_epoch) {
  if (batch == 0) fail(LARS_ERR_VALUE, "batch: 0 is not allowed; it must be at least 1");
  constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 48;
  if (steps_per_epoch == 0 || steps_per_epoch > kMostSteps) {
    fail(LARS_ERR_VALUE, "steps_per_epoch: {} is not allowed; it must be from 1 to {}", steps_per_epoch,
         kMostSteps);
  }
  const MlperfRow& row = mlperf_row(batch);
  const std::uint64_t warmup = row.warmup_epochs * steps_per_epoch;
  const std::uint64_t total = row.epochs * steps_per_epoch;
  std::vector<Schedule> parts = {
      Schedule::linear(0.0, row.learning_rate, warmup, 0),
      Schedule::polynomial(row.learning_rate, kMlperfEndLearningRate, kMlperfPower, total - warmup + 1, 0)};
  const auto schedule =
      std::make_shared<BoundSchedule>(Schedule::join(std::move(parts), std::span(&warmup, 1)));
  const auto apply = [&](Hyperparameters& hyperparameters) {
    for (const Choice& choice : variant_choices(LARS_VARIANT_PAPER))
      hyperparameters.set(choice.key, choice.value);
    hyperparameters.set_schedule(Key::learning_rate, schedule);
    hyperparameters.set(Key::weight_decay, row.weight_decay);
    hyperparameters.set(Key::momentum, row.momentum);
    hyperparameters.set(Key::trust_coefficient, kMlperfTrustCoefficient);
    hyperparameters.set(Key::eps, 0.0);
    hyperparameters.set(Key::nesterov, 0.0);
  };
  Hyperparameters defaults = defaults_;
  apply(defaults);
  change(everyone(), [&](Hyperparameters& hyperparameters, std::uint32_t index) {
    apply(hyperparameters);
    const double mask = parameters_[index].shape.size() > 1 ? 1.0 : 0.0;
    hyperparameters.set(Key::weight_decay_mask, mask);
    hyperparameters.set(Key::trust_ratio_mask, mask);
  });
  std::swap(defaults_, defaults);
}

void Optimizer::set_gradient_clip(double max_norm) {
  if (!(max_norm > 0.0)) {
    fail(LARS_ERR_VALUE, "max_norm: {} is not allowed; it must be above 0; infinity clips nothing", max_norm);
  }
  clip_norm_ = max_norm;
}

double Optimizer::value_at_next_step(std::uint32_t index, Key key) {
  const Parameter& one = parameter(index);
  const double value = one.hyperparameters.at({one.name, records_[index].steps, ++call_}, key);
  if (std::isnan(value)) throw missing_learning_rate(one);
  return value;
}

// ---- What steps run on ----------------------------------------------------------------------------------

void Optimizer::set_kernels(std::string_view name) {
  kernels_ = &kernel_set(name);
  kernels_error_.reset();
  parameters_changed();  // sums gathered by other kernels may have other bits
}

void Optimizer::set_threads(std::uint32_t threads) {
  check_threads(threads);
  executor_.set_threads(threads);
  threads_error_.reset();
}

void Optimizer::set_parallel_for(lars_parallel_for run, void* user, std::uint32_t threads) {
  check_threads(threads);
  if (run == nullptr) {
    executor_.set_threads(threads);
  } else {
    executor_.set_parallel_for(run, user, threads);
  }
  threads_error_.reset();
}

}  // namespace lars
