// The C boundary of steps and accumulation.
#include <cstdint>

#include "handle.h"

using lars::Optimizer;
using lars::capi::call;
using lars::capi::copy_message;
using lars::capi::require;
using lars::capi::require_unless;

namespace {

/// Runs one form of a step; a skip leaves its reason as the handle's message.
template <class Step>
int32_t call_step(lars_optimizer* optimizer, const Step& step) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    const int32_t status = step(core);
    if (status == LARS_SKIPPED) copy_message(optimizer->message, core.skip_message());
    return status;
  });
}

}  // namespace

int32_t lars_step(lars_optimizer* optimizer, void* const* parameters, const void* const* gradients) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0, parameters, "parameters");
    require_unless(core.parameter_count() == 0, gradients, "gradients");
    return core.step(parameters, gradients);
  });
}

int32_t lars_step_flat(lars_optimizer* optimizer, void* parameters, const void* gradients) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(!core.has_elements(), parameters, "parameters");
    require_unless(!core.has_elements(), gradients, "gradients");
    return core.step_flat(parameters, gradients);
  });
}

int32_t lars_step_parameter(lars_optimizer* optimizer, uint32_t index, void* parameter,
                            const void* gradient) noexcept {
  return call_step(optimizer,
                   [&](Optimizer& core) { return core.step_parameter(index, parameter, gradient); });
}

int32_t lars_update(lars_optimizer* optimizer, const void* const* parameters, const void* const* gradients,
                    void* const* updates) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0, parameters, "parameters");
    require_unless(core.parameter_count() == 0, gradients, "gradients");
    require_unless(core.parameter_count() == 0, updates, "updates");
    return core.update(parameters, gradients, updates);
  });
}

int32_t lars_step_external(lars_optimizer* optimizer, void* const* parameters, const void* const* gradients,
                           void* const* momentum, void* const* masters) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0, parameters, "parameters");
    require_unless(core.parameter_count() == 0, gradients, "gradients");
    require_unless(core.parameter_count() == 0, momentum, "momentum");
    return core.step_external(parameters, gradients, momentum, masters);
  });
}

int32_t lars_update_external(lars_optimizer* optimizer, const void* const* parameters,
                             const void* const* gradients, void* const* momentum,
                             void* const* updates) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0, parameters, "parameters");
    require_unless(core.parameter_count() == 0, gradients, "gradients");
    require_unless(core.parameter_count() == 0, momentum, "momentum");
    require_unless(core.parameter_count() == 0, updates, "updates");
    return core.update_external(parameters, gradients, momentum, updates);
  });
}

// ---- Accumulation ---------------------------------------------------------------------------------------

int32_t lars_set_accumulation(lars_optimizer* optimizer, uint32_t micro_batches) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_accumulation(micro_batches);
    return LARS_OK;
  });
}

int32_t lars_accumulate(lars_optimizer* optimizer, const void* const* parameters,
                        const void* const* gradients) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0 || !core.completes_batch(), parameters, "parameters");
    require_unless(core.parameter_count() == 0, gradients, "gradients");
    core.accumulate(parameters, gradients);
    return LARS_OK;
  });
}

int32_t lars_step_accumulated(lars_optimizer* optimizer, void* const* parameters) noexcept {
  return call_step(optimizer, [&](Optimizer& core) {
    require_unless(core.parameter_count() == 0, parameters, "parameters");
    return core.step_accumulated(parameters);
  });
}

int32_t lars_discard_accumulated(lars_optimizer* optimizer) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.discard_accumulated();
    return LARS_OK;
  });
}

int32_t lars_accumulated(lars_optimizer* optimizer, uint32_t* accumulated, uint32_t* micro_batches) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    if (accumulated != nullptr) *accumulated = core.accumulated();
    if (micro_batches != nullptr) *micro_batches = core.micro_batches();
    return LARS_OK;
  });
}

int32_t lars_set_carry_norms(lars_optimizer* optimizer, int32_t carry) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_carry_norms(lars::capi::flag(carry, "carry"));
    return LARS_OK;
  });
}

int32_t lars_carry_norms(lars_optimizer* optimizer, int32_t* carry) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(carry, "carry");
    *carry = core.carry_norms() ? 1 : 0;
    return LARS_OK;
  });
}

int32_t lars_parameters_changed(lars_optimizer* optimizer) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.parameters_changed();
    return LARS_OK;
  });
}
