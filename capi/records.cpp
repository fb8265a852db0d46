// What the steps did, and what is kept of it: counts, norms, telemetry, checkpoints.
#include "checkpoint/checkpoint.h"
#include "handle.h"

using lars::Checkpoint;
using lars::fail;
using lars::Optimizer;
using lars::capi::call;
using lars::capi::require;

int32_t lars_step_count(lars_optimizer* optimizer, uint64_t* steps) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(steps, "steps");
    *steps = core.step_count();
    return LARS_OK;
  });
}

int32_t lars_parameter_step_count(lars_optimizer* optimizer, uint32_t index, uint64_t* steps) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(steps, "steps");
    *steps = core.step_count(index);
    return LARS_OK;
  });
}

int32_t lars_set_parameter_step_count(lars_optimizer* optimizer, uint32_t index, uint64_t steps) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_step_count(index, steps);
    return LARS_OK;
  });
}

int32_t lars_norms(lars_optimizer* optimizer, uint32_t index, double* weight_norm, double* update_norm,
                   double* trust_ratio) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    const lars::LayerNorms& norms = core.last_norms(index);
    if (weight_norm != nullptr) *weight_norm = norms.weight_norm;
    if (update_norm != nullptr) *update_norm = norms.update_norm;
    if (trust_ratio != nullptr) *trust_ratio = norms.trust_ratio;
    return LARS_OK;
  });
}

int32_t lars_skip_count(lars_optimizer* optimizer, uint64_t* consecutive, uint64_t* total) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    if (consecutive != nullptr) *consecutive = core.consecutive_skips();
    if (total != nullptr) *total = core.total_skips();
    return LARS_OK;
  });
}

int32_t lars_nonfinite(lars_optimizer* optimizer, uint32_t* index, uint64_t* parameter_elements,
                       uint64_t* gradient_elements) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    const lars::Nonfinite& found = core.nonfinite();
    if (index != nullptr) *index = found.index;
    if (parameter_elements != nullptr) *parameter_elements = found.parameter_elements;
    if (gradient_elements != nullptr) *gradient_elements = found.gradient_elements;
    return LARS_OK;
  });
}

// ---- Telemetry ------------------------------------------------------------------------------------------

int32_t lars_telemetry(lars_optimizer* optimizer, int32_t quantity, double* values) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    const lars::Quantity wanted = lars::quantity_from_number(quantity);
    if (core.parameter_count() != 0) require(values, "values");
    core.telemetry(wanted, values);
    return LARS_OK;
  });
}

int32_t lars_set_gradient_norms(lars_optimizer* optimizer, int32_t wanted) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_gradient_norms(lars::capi::flag(wanted, "wanted"));
    return LARS_OK;
  });
}

int32_t lars_gradient_norms(lars_optimizer* optimizer, int32_t* wanted) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(wanted, "wanted");
    *wanted = core.gradient_norms() ? 1 : 0;
    return LARS_OK;
  });
}

int32_t lars_set_observer(lars_optimizer* optimizer, lars_observer observer, void* user) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_observer(observer, user);
    return LARS_OK;
  });
}

// ---- Checkpoints ----------------------------------------------------------------------------------------

namespace {

void require_path(const char* path) {
  require(path, "path");
  if (*path == '\0') fail(LARS_ERR_ARGUMENT, "path is empty; it must name a file");
}

}  // namespace

int32_t lars_save(lars_optimizer* optimizer, const char* path) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require_path(path);
    Checkpoint(core).save_to_file(path);
    return LARS_OK;
  });
}

int32_t lars_load(lars_optimizer* optimizer, const char* path) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require_path(path);
    Checkpoint(core).load_from_file(path);
    return LARS_OK;
  });
}

int32_t lars_save_size(lars_optimizer* optimizer, uint64_t* bytes) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(bytes, "bytes");
    *bytes = Checkpoint(core).save_size();
    return LARS_OK;
  });
}

int32_t lars_save_to(lars_optimizer* optimizer, void* buffer, uint64_t bytes) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(buffer, "buffer");
    Checkpoint(core).save_to_memory(buffer, bytes);
    return LARS_OK;
  });
}

int32_t lars_load_from(lars_optimizer* optimizer, const void* buffer, uint64_t bytes) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(buffer, "buffer");
    Checkpoint(core).load_from_memory(buffer, bytes);
    return LARS_OK;
  });
}
