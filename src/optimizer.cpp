// The life of a step: hyper-parameters -> norms -> trust ratios -> update. optimizer_setup.cpp has the rest.
#include "optimizer.h"

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

/// Whether all s_i = a u_i are sure to be finite in the element type: |a| <= max, and |a u_i| <= |a| ||u|| <=
/// max. NaN does not fit.
bool step_fits(ElementType type, double step_scale, double update_norm) {
  const double max = type == ElementType::f32 ? double{std::numeric_limits<float>::max()}
                                              : std::numeric_limits<double>::max();
  return std::fabs(step_scale) <= max && std::fabs(step_scale) * update_norm <= max;
}

}  // namespace

// ---- The step -------------------------------------------------------------------------------------------

std::int32_t Optimizer::take_step(Range range) {
  read_hyperparameters(range);
  buffer_check_.check(parameters_, range.first,
                      std::span(buffers_).subspan(range.first, range.last - range.first));
  sum_squares(range);
  compute_step_scales(range);
  if (policy_ != NonfinitePolicy::propagate) {
    std::string reason = nonfinite_reason(range);
    if (!reason.empty()) {
      if (policy_ == NonfinitePolicy::refuse) throw Error(LARS_ERR_NONFINITE, std::move(reason));
      skip_message_ = std::move(reason);
      increment_saturating(consecutive_skips_);
      increment_saturating(total_skips_);
      return LARS_SKIPPED;
    }
  }
  apply_updates(range);  // the first write; nothing fails from here on
  record(range);
  return LARS_OK;
}

void Optimizer::read_hyperparameters(Range range) {
  ++call_;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const Parameter& parameter = parameters_[index];
    tensors_[index].values = parameter.hyperparameters.at(parameter.steps, call_);
    if (!tensors_[index].values.is_set(Key::learning_rate)) throw missing_learning_rate(parameter);
  }
}

void Optimizer::sum_squares(Range range) {
  executor_.for_each(segments(range), [this](const Segment& segment) {
    with_element_type(parameters_[segment.parameter].type,
                      [&](auto zero) { sum_squares<decltype(zero)>(segment); });
  });
}

void Optimizer::compute_step_scales(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    TensorStep& tensor = tensors_[index];
    tensor.norms = norms(index);
    if (tensor.values.flag(Key::trust_ratio_mask)) {
      tensor.norms.trust_ratio = trust_ratio(tensor.norms.weight_norm, tensor.norms.update_norm,
                                             tensor.values[Key::trust_coefficient], tensor.values[Key::eps]);
    }
    tensor.step_scale = -(tensor.values[Key::learning_rate] * tensor.norms.trust_ratio);
  }
}

void Optimizer::apply_updates(Range range) {
  executor_.for_each(segments(range), [this](const Segment& segment) {
    with_element_type(parameters_[segment.parameter].type,
                      [&](auto zero) { apply_updates<decltype(zero)>(segment); });
  });
}

void Optimizer::record(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    parameters_[index].last_norms = tensors_[index].norms;
    increment_saturating(parameters_[index].steps);
  }
  stepped_ = stepped_ || range.first != range.last;
  consecutive_skips_ = 0;
}

// ---- Its parts ------------------------------------------------------------------------------------------

template <class Real>
DecayedGradient<Real> Optimizer::decayed_gradient(std::uint32_t index) const {
  const HyperparameterValues& values = tensors_[index].values;
  const double weight_decay = values[Key::weight_decay];
  return {static_cast<Real>(values[Key::gradient_scale]), static_cast<Real>(weight_decay),
          values.flag(Key::weight_decay_mask) && weight_decay != 0.0};
}

template <class Real>
void Optimizer::sum_squares(const Segment& segment) {
  const DecayedGradient<Real> term = decayed_gradient<Real>(segment.parameter);
  const KernelTable<Real>& kernels = kernels_.load()->table<Real>();
  sum_chunks<Real>(segment, [&](const Real* parameter, const Real* gradient, std::size_t count) {
    return kernels.sum_squares(term, parameter, gradient, count);
  });
}

/// Fills the slots of the segment's chunks with sum(parameter, gradient, count).
template <class Real, class Sum>
void Optimizer::sum_chunks(const Segment& segment, const Sum& sum) {
  const TensorBuffers& buffers = buffers_[segment.parameter];
  const auto* parameter = static_cast<const Real*>(buffers.parameter) + segment.first_element;
  const auto* gradient = static_cast<const Real*>(buffers.gradient) + segment.first_element;
  std::uint64_t slot = segment.first_slot;
  for (std::uint64_t first = 0; first < segment.count; first += kChunk, ++slot) {
    slots_[slot] = sum(parameter + first, gradient + first, std::min(kChunk, segment.count - first));
  }
}

template <class Real>
void Optimizer::apply_updates(const Segment& segment) {
  const TensorBuffers& buffers = buffers_[segment.parameter];
  const TensorStep& tensor = tensors_[segment.parameter];
  const MomentumUpdate<Real> term = {
      decayed_gradient<Real>(segment.parameter), static_cast<Real>(tensor.step_scale),
      static_cast<Real>(tensor.values[Key::momentum]), tensor.values.flag(Key::nesterov)};
  const KernelTable<Real>& kernels = kernels_.load()->table<Real>();
  const auto* gradient = static_cast<const Real*>(buffers.gradient);
  auto* momentum = static_cast<Real*>(momentum_.buffer(segment.parameter));
  const std::uint64_t last = segment.first_element + segment.count;
  for (std::uint64_t first = segment.first_element; first < last; first += kChunk) {
    const std::uint64_t count = std::min(kChunk, last - first);
    if (buffers.in_place != nullptr) {
      kernels.apply(term, static_cast<Real*>(buffers.in_place) + first, gradient + first, momentum + first,
                    count);
    } else {
      kernels.write(term, static_cast<const Real*>(buffers.parameter) + first, gradient + first,
                    momentum + first, static_cast<Real*>(buffers.update) + first, count);
    }
  }
}

LayerNorms Optimizer::norms(std::uint32_t index) {
  const SumsOfSquares sums = add_slots(slots(index));
  const bool trusted =
      parameters_[index].type == ElementType::f32 ||  // squares of binary32 are exact in binary64
      (rescale_for(sums.weight) == 1.0 && rescale_for(sums.update) == 1.0);
  if (!trusted) return norms_rescaled(index, sums);
  return {std::sqrt(sums.weight), std::sqrt(sums.update), 1.0};
}

/// A second pass over a binary64 tensor whose elements are too large or too small to be squared as they are.
LayerNorms Optimizer::norms_rescaled(std::uint32_t index, const SumsOfSquares& sums) {
  const SumsOfSquares scale = {rescale_for(sums.weight), rescale_for(sums.update)};
  const DecayedGradient<double> term = decayed_gradient<double>(index);
  executor_.for_each(segments({index, index + 1}), [&](const Segment& segment) {
    sum_chunks<double>(segment, [&](const double* parameter, const double* gradient, std::size_t count) {
      return sum_rescaled_squares(term, parameter, gradient, count, scale.weight, scale.update);
    });
  });
  const SumsOfSquares rescaled = add_slots(slots(index));
  return {std::sqrt(rescaled.weight) / scale.weight, std::sqrt(rescaled.update) / scale.update, 1.0};
}

/// Why the step must not be taken, naming the first tensor; "" if all is finite.
std::string Optimizer::nonfinite_reason(Range range) const {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const Parameter& parameter = parameters_[index];
    const TensorStep& tensor = tensors_[index];
    if (!std::isfinite(tensor.norms.weight_norm)) {
      return fmt::format(
          "parameter '{}' (index {}) holds NaN or Inf, or its norm overflows; nothing was written",
          parameter.name, index);
    }
    if (!std::isfinite(tensor.norms.update_norm)) {
      return fmt::format(
          "the gradient of '{}' (index {}) holds NaN or Inf, or overflows when scaled and decayed; nothing "
          "was "
          "written",
          parameter.name, index);
    }
    if (!step_fits(parameter.type, tensor.step_scale, tensor.norms.update_norm)) {
      return fmt::format(
          "the step of '{}' (index {}) overflows: learning rate {} x trust ratio {}, from |w| {} and |u| {}; "
          "nothing "
          "was written. A larger eps bounds the ratio",
          parameter.name, index, tensor.values[Key::learning_rate], tensor.norms.trust_ratio,
          tensor.norms.weight_norm, tensor.norms.update_norm);
    }
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

/// Allocates all that steps need. Of no effect when it fails, and when nothing has changed since the last
/// time.
void Optimizer::prepare() {
  if (prepared_) return;
  std::vector<std::uint64_t> counts;
  std::vector<std::uint64_t> bytes;
  for (const Parameter& parameter : parameters_) {
    counts.push_back(parameter.count);
    bytes.push_back(parameter.bytes());
  }
  MomentumArena momentum(bytes);  // by far the largest, so first to fail
  WorkList work(counts);
  std::vector<SumsOfSquares> slots(work.slot_count());
  std::vector<TensorBuffers> buffers(parameters_.size());
  std::vector<TensorStep> tensors(parameters_.size());
  buffer_check_.prepare(parameters_.size());

  work_ = std::move(work);
  slots_ = std::move(slots);
  buffers_ = std::move(buffers);
  tensors_ = std::move(tensors);
  momentum_ = std::move(momentum);
  prepared_ = true;
}

// ---- The forms of a step --------------------------------------------------------------------------------

std::int32_t Optimizer::step(void* const* parameters, const void* const* gradients) {
  prepare();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], parameters[i], nullptr};
  }
  return take_step(all());
}

std::int32_t Optimizer::step_flat(void* parameters, const void* gradients) {
  prepare();
  auto* parameter = static_cast<std::byte*>(parameters);
  const auto* gradient = static_cast<const std::byte*>(gradients);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameter, gradient, parameter, nullptr};
    parameter += parameters_[i].bytes();
    gradient += parameters_[i].bytes();
  }
  return take_step(all());
}

std::int32_t Optimizer::step_parameter(std::uint32_t index, void* parameter_memory, const void* gradient) {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  prepare();
  buffers_[index] = {parameter_memory, gradient, parameter_memory, nullptr};
  return take_step({index, index + 1});
}

std::int32_t Optimizer::update(const void* const* parameters, const void* const* gradients,
                               void* const* updates) {
  prepare();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], gradients[i], nullptr, updates[i]};
  }
  return take_step(all());
}

// ---- What the steps did ---------------------------------------------------------------------------------

std::uint64_t Optimizer::step_count() const {
  const auto least =
      std::min_element(parameters_.begin(), parameters_.end(),
                       [](const Parameter& a, const Parameter& b) { return a.steps < b.steps; });
  return least == parameters_.end() ? 0 : least->steps;
}

const LayerNorms& Optimizer::last_norms(std::uint32_t index) const {
  const Parameter& one = parameter(index);
  if (one.steps == 0)
    fail(LARS_ERR_STATE, "'{}' has taken no step yet; its norms are known after the first", one.name);
  return one.last_norms;
}

}  // namespace lars
