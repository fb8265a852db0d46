// The life of a step: hyper-parameters -> norms -> trust ratios -> update. optimizer_passes.cpp has the two
// passes over memory, optimizer_accumulation.cpp what makes one of them unnecessary, optimizer_setup.cpp the
// rest.
#include "optimizer.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lars {
namespace {

/// A binary64 sum of squares is trusted between these. Above, it overflowed. Below, squares that underflowed
/// may matter: each loses at most 2^-1075, so that of 2^62 elements the sum keeps its 53 bits down to 2^-960.
constexpr double kLeastTrustedSum = 0x1p-960;

/// The power of two by which to scale the elements before squaring, so that their sum is trusted; 1 if it is
/// already.
double rescale_for(double sum) {
  if (std::isinf(sum)) return 0x1p-600;
  if (sum < kLeastTrustedSum) return 0x1p+600;
  return 1.0;
}

void increment_saturating(std::uint64_t& counter) {
  if (counter != std::numeric_limits<std::uint64_t>::max()) ++counter;
}

/// Whether all s_i = a u_i are sure to be finite in the compute type: |a| <= max, and |a u_i| <= |a| ||u|| <=
/// max. A norm or scale that is NaN or Inf does not fit.
bool step_fits(ElementType type, double step_scale, double update_norm) {
  const double max = compute_type(type) == ElementType::f32 ? double{std::numeric_limits<float>::max()}
                                                            : std::numeric_limits<double>::max();
  return std::fabs(step_scale) <= max && std::fabs(step_scale) * update_norm <= max;
}

/// Bytes of parameters and gradients that go through both passes together, so that the second finds in cache
/// what the first has read: about twice the level-2 caches of so many threads. More would fit the last-level
/// cache, but that is shared with other processes, and with other guests of the machine; docs/design.md has
/// the measurement.
std::uint64_t wave_bytes(std::uint32_t threads) {
  static const auto cache = [](int name, long usual) {
    const long size = sysconf(name);
    return static_cast<std::uint64_t>(size > 0 ? size : usual);
  };
  static const std::uint64_t level2 = cache(_SC_LEVEL2_CACHE_SIZE, 1L << 20);
  static const std::uint64_t level3 = cache(_SC_LEVEL3_CACHE_SIZE, 16L << 20);
  return std::min(2 * level2 * threads, level3 / 2);
}

}  // namespace

// ---- The step -------------------------------------------------------------------------------------------

/// Under REFUSE and SKIP in two whole passes, so that nothing is written unless all is finite; under
/// PROPAGATE in waves.
std::int32_t Optimizer::take_step(Range range) {
  bool written = false;
  for (Range rest = range; rest.first != rest.last;) {
    const Range part = next_part(rest);
    if (!sum_squares(part) && !written) {
      fail(LARS_ERR_CALLBACK,
           "the host's parallel_for failed; nothing was written. lars_set_threads takes its place");
    }
    const bool finite = compute_step_scales(part);
    if (!finite && policy_ != NonfinitePolicy::propagate) return skip(nonfinite_reason(part));
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
  if (policy_ != NonfinitePolicy::propagate || buffers_[rest.first].accumulated) return rest;
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
  if (values_hold_for_ == micro_batches) return;
  values_hold_for_ = 0;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    TensorStep& tensor = tensors_[index];
    const Parameter& parameter = parameters_[index];
    tensor.values = parameter.hyperparameters.at(records_[index].steps, call_);
    if (!tensor.values.is_set(Key::learning_rate)) throw missing_learning_rate(parameter);
    const double weight_decay = tensor.values[Key::weight_decay];
    tensor.term = {tensor.values[Key::gradient_scale] / micro_batches, weight_decay,
                   tensor.values.flag(Key::weight_decay_mask) && weight_decay != 0.0};
  }
  if (!scheduled_ && range.last - range.first == parameter_count()) values_hold_for_ = micro_batches;
}

/// False unless all is finite.
bool Optimizer::compute_step_scales(Range range) {
  bool finite = true;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    TensorStep& tensor = tensors_[index];
    tensor.norms = norms(index);
    if (tensor.values.flag(Key::trust_ratio_mask)) {
      tensor.norms.trust_ratio = trust_ratio(tensor.norms.weight_norm, tensor.norms.update_norm,
                                             tensor.values[Key::trust_coefficient], tensor.values[Key::eps]);
    }
    tensor.step_scale = -(tensor.values[Key::learning_rate] * tensor.norms.trust_ratio);
    finite = finite && is_finite(tensor);
  }
  return finite;
}

bool Optimizer::is_finite(const TensorStep& tensor) {
  return std::isfinite(tensor.norms.weight_norm) &&
         step_fits(tensor.type, tensor.step_scale, tensor.norms.update_norm);
}

std::int32_t Optimizer::skip(std::string reason) {
  if (policy_ == NonfinitePolicy::refuse) throw Error(LARS_ERR_NONFINITE, std::move(reason));
  skip_message_ = std::move(reason);
  increment_saturating(consecutive_skips_);
  increment_saturating(total_skips_);
  return LARS_SKIPPED;
}

void Optimizer::record(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    records_[index].norms = tensors_[index].norms;
    increment_saturating(records_[index].steps);
  }
  started_ = started_ || range.first != range.last;
  consecutive_skips_ = 0;
}

// ---- Its parts ------------------------------------------------------------------------------------------

LayerNorms Optimizer::norms(std::uint32_t index) {
  const SumsOfSquares sums = add_slots(slots(index));
  const bool trusted =
      tensors_[index].type != ElementType::f64 ||  // squares of binary32 are exact in binary64
      (rescale_for(sums.weight) == 1.0 && rescale_for(sums.update) == 1.0);
  if (!trusted) return norms_rescaled(index, sums);
  return {std::sqrt(sums.weight), std::sqrt(sums.update), 1.0};
}

/// A second pass over a binary64 tensor whose elements are too large or too small to be squared as they are.
LayerNorms Optimizer::norms_rescaled(std::uint32_t index, const SumsOfSquares& sums) {
  const SumsOfSquares scale = {rescale_for(sums.weight), rescale_for(sums.update)};
  sum_rescaled_squares(index, scale);
  const SumsOfSquares rescaled = add_slots(slots(index));
  return {std::sqrt(rescaled.weight) / scale.weight, std::sqrt(rescaled.update) / scale.update, 1.0};
}

/// Why the step must not be taken, naming the first tensor that is not finite.
std::string Optimizer::nonfinite_reason(Range range) const {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const TensorStep& tensor = tensors_[index];
    const LayerNorms& norms = tensor.norms;
    if (is_finite(tensor)) continue;
    const Parameter& parameter = parameters_[index];
    if (!std::isfinite(norms.weight_norm)) {
      return fmt::format(
          "parameter '{}' (index {}) holds NaN or Inf, or its norm overflows; nothing was written",
          parameter.name, index);
    }
    if (!std::isfinite(norms.update_norm)) {
      return fmt::format(
          "the gradient of '{}' (index {}) holds NaN or Inf, or overflows when scaled and decayed; nothing "
          "was written",
          parameter.name, index);
    }
    return fmt::format(
        "the step of '{}' (index {}) overflows: learning rate {} x trust ratio {}, from |w| {} and |u| {}; "
        "nothing was written. A larger eps bounds the ratio",
        parameter.name, index, tensor.values[Key::learning_rate], norms.trust_ratio, norms.weight_norm,
        norms.update_norm);
  }
  return {};
}

Error Optimizer::missing_learning_rate(const Parameter& parameter) {
  return {LARS_ERR_STATE,
          fmt::format(
              "learning_rate of '{}' is not set and has no default; set it with lars_set(optimizer, NULL, "
              "LARS_LEARNING_RATE, value) or lars_set_schedule",
              parameter.name)};
}

// ---- The forms of a step --------------------------------------------------------------------------------

std::int32_t Optimizer::step(void* const* parameters, const void* const* gradients) {
  prepare();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], parameters[i]};
  }
  return start_step(all(), BufferCheck::Use::step);
}

std::int32_t Optimizer::step_flat(void* parameters, const void* gradients) {
  prepare();
  auto* parameter = static_cast<std::byte*>(parameters);
  const auto* gradient = static_cast<const std::byte*>(gradients);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameter, gradient, parameter};
    parameter += parameters_[i].bytes();
    gradient += parameters_[i].gradient_bytes();
  }
  return start_step(all(), BufferCheck::Use::step);
}

std::int32_t Optimizer::step_parameter(std::uint32_t index, void* parameter_memory, const void* gradient) {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  prepare();
  buffers_[index] = {parameter_memory, gradient, parameter_memory};
  return start_step({index, index + 1}, BufferCheck::Use::step);
}

std::int32_t Optimizer::update(const void* const* parameters, const void* const* gradients,
                               void* const* updates) {
  for (const Parameter& one : parameters_) {
    if (master_size(one.type) != 0) {
      fail(LARS_ERR_TYPE,
           "'{}' is {}: an increment in this type would lose what its master copy keeps; use lars_step",
           one.name, element_type_name(one.type));
    }
  }
  prepare();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], nullptr, updates[i]};
  }
  return start_step(all(), BufferCheck::Use::update);
}

std::int32_t Optimizer::start_step(Range range, BufferCheck::Use use) {
  read_hyperparameters(range, 1);
  check_buffers(range, use);
  return take_step(range);
}

// ---- What the steps did ---------------------------------------------------------------------------------

std::uint64_t Optimizer::step_count() const {
  const auto least = std::min_element(records_.begin(), records_.end(),
                                      [](const Record& a, const Record& b) { return a.steps < b.steps; });
  return least == records_.end() ? 0 : least->steps;
}

std::uint64_t Optimizer::step_count(std::uint32_t index) const {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  return records_[index].steps;
}

const LayerNorms& Optimizer::last_norms(std::uint32_t index) const {
  const Parameter& one = parameter(index);
  if (records_[index].steps == 0)
    fail(LARS_ERR_STATE, "'{}' has taken no step yet; its norms are known after the first", one.name);
  return records_[index].norms;
}

}  // namespace lars
