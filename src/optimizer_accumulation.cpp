// Micro-batches added up to a batch, and norms gathered before the step that needs them.
#include <algorithm>
#include <vector>

#include "optimizer.h"

namespace lars {

void Optimizer::set_accumulation(std::uint32_t micro_batches) {
  if (micro_batches < 1) fail(LARS_ERR_VALUE, "micro_batches: 0 is not allowed; it must be at least 1");
  if (accumulated_ != 0) {
    fail(LARS_ERR_STATE,
         "{} of {} micro-batches are accumulated; step them or call lars_discard_accumulated before changing "
         "their number",
         accumulated_, micro_batches_);
  }
  micro_batches_ = micro_batches;
}

void Optimizer::accumulate(const void* const* parameters, const void* const* gradients) {
  if (accumulated_ == micro_batches_) {
    fail(LARS_ERR_STATE,
         "a batch of {} micro-batches is complete; call lars_step_accumulated or lars_discard_accumulated "
         "before the next",
         micro_batches_);
  }
  prepare_own_step(element_count_);
  const bool completes = completes_batch();
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {completes ? parameters[i] : nullptr, gradients[i]};
  }
  set_own_state(all());
  if (completes) read_hyperparameters(all(), micro_batches_);
  check_buffers(all(), completes ? BufferCheck::Use::read_both : BufferCheck::Use::read_gradients);
  if (!have_accumulators_) state_.accumulators = allocate_accumulators();
  have_accumulators_ = true;
  accumulate_gradients();  // complete even if a host's pool failed
  started_ = true;
  ++accumulated_;
}

TensorMemory Optimizer::allocate_accumulators() const {
  std::vector<std::uint64_t> bytes;
  for (const Parameter& parameter : parameters_) bytes.push_back(parameter.compute_bytes());
  return TensorMemory(bytes);
}

std::int32_t Optimizer::step_accumulated(void* const* parameters) {
  if (accumulated_ != micro_batches_) {
    fail(LARS_ERR_STATE, "{} of {} micro-batches are accumulated; the step needs all of them", accumulated_,
         micro_batches_);
  }
  prepare_own_step(element_count_);
  for (std::uint32_t i = 0; i < parameter_count(); ++i) {
    buffers_[i] = {parameters[i], state_.accumulators.buffer(i), parameters[i], nullptr, true};
  }
  set_own_state(all());
  read_hyperparameters(all(), micro_batches_);
  check_buffers(all(), BufferCheck::Use::step);
  const std::int32_t status = take_step(all());
  accumulated_ = 0;
  return status;
}

void Optimizer::set_carry_norms(bool carry) {
  if (carry != carry_norms_) parameters_changed();
  carry_norms_ = carry;
}

void Optimizer::parameters_changed() { std::fill(known_.begin(), known_.end(), KnownSums{}); }

}  // namespace lars
