// What the steps did: records of those taken and skipped, why one was not taken, and who is told.
#include <cmath>
#include <limits>
#include <utility>

#include "nonfinite.h"
#include "optimizer.h"

namespace lars {
namespace {

void increment_saturating(std::uint64_t& counter) {
  if (counter != std::numeric_limits<std::uint64_t>::max()) ++counter;
}

}  // namespace

/// The step is not taken: an error, or by the policy a skip.
std::int32_t Optimizer::skip(Range range) {
  std::string reason = nonfinite_reason(range);
  if (policy_ == NonfinitePolicy::refuse) throw Error(LARS_ERR_NONFINITE, std::move(reason));
  if (most_skips_ != 0 && consecutive_skips_ >= most_skips_) {
    fail(LARS_ERR_NONFINITE,
         "{}; {} in a row {} skipped before, the most that lars_set_max_consecutive_skips allows", reason,
         counted(consecutive_skips_, "step"), consecutive_skips_ == 1 ? "was" : "were");
  }
  skip_message_ = std::move(reason);
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    if (!is_finite(tensors_[index])) increment_saturating(records_[index].skips);
  }
  increment_saturating(consecutive_skips_);
  increment_saturating(total_skips_);
  notify(LARS_SKIPPED, range);
  return LARS_SKIPPED;
}

void Optimizer::record(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    Record& record = records_[index];
    record.norms = tensors_[index].norms;
    least_steps_.stepped(record.steps);
    increment_saturating(record.steps);
    increment_saturating(record.taken);
    if (record.norms.limited) increment_saturating(record.limited);
  }
  started_ = started_ || range.first != range.last;
  consecutive_skips_ = 0;
  notify(LARS_OK, range);
}

/// Why the step must not be taken, naming the first tensor that is not finite, after a second look at it.
std::string Optimizer::nonfinite_reason(Range range) {
  std::uint32_t index = range.first;
  while (is_finite(tensors_[index])) ++index;
  const Parameter& parameter = parameters_[index];
  const TensorStep& tensor = tensors_[index];
  const TensorBuffers& buffers = buffers_[index];
  nonfinite_ = Nonfinite{index, count_nonfinite(parameter.type, buffers.parameter, parameter.count),
                         count_nonfinite(gradient_type(index), buffers.gradient, parameter.count)};
  if (nonfinite_->parameter_elements != 0) {
    return formatted("parameter '{}' (index {}) holds NaN or Inf in {} of {} elements; nothing was written",
                     parameter.name, index, nonfinite_->parameter_elements, parameter.count);
  }
  if (nonfinite_->gradient_elements != 0) {
    return formatted(
        "the gradient of '{}' (index {}) holds NaN or Inf in {} of {} elements; nothing was written",
        parameter.name, index, nonfinite_->gradient_elements, parameter.count);
  }
  if (!std::isfinite(tensor.norms.weight_norm) || !std::isfinite(tensor.norms.update_norm) ||
      (clips() && !std::isfinite(tensor.norms.gradient_norm))) {
    return formatted(
        "'{}' (index {}) has finite elements whose norms overflow, or a gradient that overflows when it is "
        "scaled and decayed; nothing was written",
        parameter.name, index);
  }
  return formatted(
      "the step of '{}' (index {}) overflows: learning rate {} x trust ratio {}, from |w| {} and |u| {}; "
      "nothing was written. A larger eps bounds the ratio",
      parameter.name, index, tensor.values[Key::learning_rate], tensor.norms.trust_ratio,
      tensor.norms.weight_norm, tensor.norms.update_norm);
}

std::uint64_t Optimizer::step_count(std::uint32_t index) const {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  return records_[index].steps;
}

void Optimizer::set_step_count(std::uint32_t index, std::uint64_t steps) {
  static_cast<void>(parameter(index));  // LARS_ERR_INDEX
  records_[index].steps = steps;
  least_steps_.forget();
}

const LayerNorms& Optimizer::last_norms(std::uint32_t index) const {
  const Parameter& one = parameter(index);
  if (records_[index].taken == 0)
    fail(LARS_ERR_STATE, "'{}' has taken no step yet; its norms are known after the first", one.name);
  return records_[index].norms;
}

const Nonfinite& Optimizer::nonfinite() const {
  if (!nonfinite_) fail(LARS_ERR_STATE, "no step was refused or skipped because of NaN or Inf");
  return *nonfinite_;
}

void Optimizer::telemetry(Quantity quantity, double* values) const {
  for (const Record& record : records_) *values++ = value_of(record, quantity);
}

void Optimizer::set_observer(lars_observer observer, void* user) {
  if (observer != nullptr) telemetry_.prepare(records_.size());  // of steps that nobody watched, too
  observer_ = observer;
  observer_user_ = user;
}

/// Tells the observer. What it throws is dropped: the step is done.
void Optimizer::notify(std::int32_t status, Range range) {
  if (observer_ == nullptr) return;
  telemetry_.fill(records_, range.first, range.last);
  try {
    observer_(observer_user_, status, step_count(), parameter_count(),
              static_cast<std::uint32_t>(kQuantities), telemetry_.values());
  } catch (...) {
  }
}

}  // namespace lars
