// The life of a step: hyper-parameters -> norms -> trust ratios -> update. optimizer_passes.cpp has the two
// passes over memory, optimizer_accumulation.cpp what makes one of them unnecessary, optimizer_setup.cpp the
// rest.
#include "optimizer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "nonfinite.h"

namespace lars {
namespace {

/// Bytes of caches, where the system does not tell.
constexpr long kUsualLevel2 = 1L << 20;
constexpr long kUsualLevel3 = 16L << 20;

/// Bytes of parameters and gradients that go through both passes together, so that the second finds in cache
/// what the first has read: about twice the level-2 caches of so many threads. More would fit the last-level
/// cache, but that is shared with other processes, and with other guests of the machine; docs/design.md has
/// the measurement.
std::uint64_t wave_bytes(std::uint32_t threads) {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const auto cache = [](int name, long usual) {
    const long size = sysconf(name);
    return static_cast<std::uint64_t>(size > 0 ? size : usual);
  };
  static const std::uint64_t level2 = cache(_SC_LEVEL2_CACHE_SIZE, kUsualLevel2);
  static const std::uint64_t level3 = cache(_SC_LEVEL3_CACHE_SIZE, kUsualLevel3);
#else
  constexpr std::uint64_t level2 = kUsualLevel2;
  constexpr std::uint64_t level3 = kUsualLevel3;
#endif
  return std::min(2 * level2 * threads, level3 / 2);
}

/// The values that read_terms reads and a schedule can change.
using Terms = std::array<double, 3>;
Terms terms(const HyperparameterValues& values) {
  return {values[Key::gradient_scale], values[Key::weight_decay], values[Key::clip_value]};
}

}  // namespace

// ---- The step -------------------------------------------------------------------------------------------

/// Under REFUSE and SKIP in two whole passes, so that nothing is written unless all is finite; under
/// PROPAGATE in waves.
std::int32_t Optimizer::take_step(Range range) {
  bool written = false;
  for (Range rest = range; rest.first != rest.last;) {
    const Range part = next_part(rest);
    pool_failed_ = false;
    sum_squares(part);
    const bool finite = compute_step_scales(part);
    if (pool_failed_ && !written) {
      fail(LARS_ERR_CALLBACK,
           "the host's parallel_for failed; nothing was written. lars_set_threads takes its place");
    }
    if (!finite && policy_ != NonfinitePolicy::propagate) return skip(part);
    apply_updates(part);  // nothing fails from here on
    written = true;
    rest.first = part.last;
  }
  record(range);
  return LARS_OK;
}

/// The parameters that go through both passes together: all, or as many as fit the cache. An accumulated step
/// has its sums already.
Optimizer::Range Optimizer::next_part(Range rest) const {
  if (policy_ != NonfinitePolicy::propagate || clips() || buffers_[rest.first].accumulated) return rest;
  const std::uint32_t helpers = threads();
  const std::uint64_t most = wave_bytes(helpers);
  const std::uint64_t least = helpers * Executor::kElementsPerThread;  // or threads would stay idle
  std::uint64_t bytes = 0;
  for (std::uint32_t index = rest.first; index < rest.last; ++index) {
    bytes += parameters_[index].bytes() + parameters_[index].gradient_bytes();
    if (bytes > most && work_.elements(rest.first, index) >= least) return {rest.first, index};
  }
  return rest;
}

void Optimizer::check_buffers(Range range, BufferCheck::Use use) {
  buffer_check_.check(parameters_, range.first,
                      std::span(buffers_).subspan(range.first, range.last - range.first), use);
}

void Optimizer::read_hyperparameters(Range range, std::uint32_t micro_batches) {
  ++call_;
  const bool hold = values_hold_for_ == micro_batches;
  if (hold && !scheduled_) return;
  values_hold_for_ = 0;  // unless all are read
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    TensorStep& tensor = tensors_[index];
    const Parameter& parameter = parameters_[index];
    const Evaluation evaluation = {parameter.name, records_[index].steps, call_};
    if (hold) {
      const Terms before = terms(tensor.values);
      parameter.hyperparameters.advance(tensor.values, evaluation);
      if (terms(tensor.values) != before) read_terms(tensor, micro_batches);
      continue;
    }
    tensor.values = parameter.hyperparameters.at(evaluation);
    if (!tensor.values.is_set(Key::learning_rate)) throw missing_learning_rate(parameter);
    read_terms(tensor, micro_batches);
  }
  if (hold || range.last - range.first == parameter_count()) values_hold_for_ = micro_batches;
}

/// What the values say of d and u.
void Optimizer::read_terms(TensorStep& tensor, std::uint32_t micro_batches) {
  const HyperparameterValues& values = tensor.values;
  const double weight_decay = values[Key::weight_decay];
  const bool decay = values.flag(Key::weight_decay_mask) && weight_decay != 0.0;
  const double limit = values[Key::clip_value];
  tensor.update_term = {
      values[Key::gradient_scale] / micro_batches, weight_decay, decay, std::isfinite(limit), limit, 1.0};
  tensor.term = tensor.update_term;
  tensor.term.decay = decay && values.choice<Denominator>(Key::denominator) == Denominator::decayed;
  tensor.decay = decay;
}

Error Optimizer::missing_learning_rate(const Parameter& parameter) {
  return {
      LARS_ERR_STATE,
      formatted("learning_rate of '{}' is not set and has no default; set it with lars_set(optimizer, NULL, "
                "LARS_LEARNING_RATE, value) or lars_set_schedule",
                parameter.name)};
}

// ---- The forms of a step --------------------------------------------------------------------------------

std::int32_t Optimizer::step(void* const* parameters, const void* const* gradients) {
  prepare_own_step(element_count_);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], parameters[i]};
  }
  set_own_state(all());
  return start_step(all(), BufferCheck::Use::step);
}

std::int32_t Optimizer::step_flat(void* parameters, const void* gradients) {
  prepare_own_step(element_count_);
  auto* parameter = static_cast<std::byte*>(parameters);
  const auto* gradient = static_cast<const std::byte*>(gradients);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameter, gradient, parameter};
    parameter += parameters_[i].bytes();
    gradient += parameters_[i].gradient_bytes();
  }
  set_own_state(all());
  return start_step(all(), BufferCheck::Use::step);
}

std::int32_t Optimizer::step_parameter(std::uint32_t index, void* parameter_memory, const void* gradient) {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  if (clips() && parameter_count() > 1) {
    fail(LARS_ERR_STATE,
         "gradients are clipped by their global norm, which one parameter does not tell; use lars_step, or "
         "lars_set_gradient_clip with infinity");
  }
  prepare_own_step(parameters_[index].count);
  buffers_[index] = {parameter_memory, gradient, parameter_memory};
  set_own_state({index, index + 1});
  return start_step({index, index + 1}, BufferCheck::Use::step);
}

std::int32_t Optimizer::update(const void* const* parameters, const void* const* gradients,
                               void* const* updates) {
  refuse_updates_of_masters();
  prepare_own_step(element_count_);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], nullptr, updates[i]};
  }
  set_own_state(all());
  return start_step(all(), BufferCheck::Use::update);
}

std::int32_t Optimizer::step_external(void* const* parameters, const void* const* gradients,
                                      void* const* momentum, void* const* masters) {
  prepare_external_step();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    void* const master = masters != nullptr ? masters[i] : nullptr;
    buffers_[i] = {parameters[i], gradients[i], parameters[i], nullptr, false, true, momentum[i], master};
  }
  return start_external_step(BufferCheck::Use::step);
}

std::int32_t Optimizer::update_external(const void* const* parameters, const void* const* gradients,
                                        void* const* momentum, void* const* updates) {
  refuse_updates_of_masters();
  prepare_external_step();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], nullptr, updates[i], false, true, momentum[i]};
  }
  return start_external_step(BufferCheck::Use::update);
}

void Optimizer::refuse_updates_of_masters() const {
  for (const Parameter& one : parameters_) {
    if (master_size(one.type) != 0) {
      fail(LARS_ERR_TYPE,
           "'{}' is {}: an increment in this type would lose what its master copy keeps; use lars_step",
           one.name, element_type_name(one.type));
    }
  }
}

void Optimizer::prepare_own_step(std::uint64_t elements) {
  if (external_) {
    fail(LARS_ERR_STATE,
         "this optimizer has taken steps with a state of the caller's; go on with lars_step_external or "
         "lars_update_external");
  }
  executor_.prepare(elements);
  prepare();
}

void Optimizer::prepare_external_step() {
  if (started_ && !external_) {
    fail(LARS_ERR_STATE,
         "this optimizer has a state of its own; a state of the caller's must be there from its first step");
  }
  executor_.prepare(element_count_);
  prepare_tables();
}

void Optimizer::set_own_state(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    buffers_[index].momentum = state_.momentum.buffer(index);
    buffers_[index].master = state_.masters.buffer(index);
  }
}

std::int32_t Optimizer::start_step(Range range, BufferCheck::Use use) {
  read_hyperparameters(range, 1);
  check_buffers(range, use);
  return take_step(range);
}

std::int32_t Optimizer::start_external_step(BufferCheck::Use use) {
  const std::int32_t status = start_step(all(), use);
  external_ = started_;
  return status;
}

}  // namespace lars
