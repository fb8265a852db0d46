// The C boundary of the optimizer: check pointers, enter the core, translate what it throws. lars.h documents
// it.
#include "lars/lars.h"

#include <cstdint>
#include <new>

#include "array_check.h"
#include "handle.h"
#include "version.h"

using lars::fail;
using lars::key_from_number;
using lars::Optimizer;
using lars::capi::call;
using lars::capi::Entry;
using lars::capi::require;
using lars::capi::require_schedule;
using lars::capi::require_unless;

// ---- Library --------------------------------------------------------------------------------------------

uint32_t lars_version(void) noexcept {
  return LARS_VERSION_MAJOR * 10000 + LARS_VERSION_MINOR * 100 + LARS_VERSION_PATCH;
}

const char* lars_version_string(void) noexcept { return lars::kVersion; }

const char* lars_status_name(int32_t status) noexcept {
  switch (status) {
    case LARS_OK: return "LARS_OK";
    case LARS_SKIPPED: return "LARS_SKIPPED";
    case LARS_ERR_ARGUMENT: return "LARS_ERR_ARGUMENT";
    case LARS_ERR_KEY: return "LARS_ERR_KEY";
    case LARS_ERR_VALUE: return "LARS_ERR_VALUE";
    case LARS_ERR_TYPE: return "LARS_ERR_TYPE";
    case LARS_ERR_INDEX: return "LARS_ERR_INDEX";
    case LARS_ERR_NAME: return "LARS_ERR_NAME";
    case LARS_ERR_SHAPE: return "LARS_ERR_SHAPE";
    case LARS_ERR_SELECTOR: return "LARS_ERR_SELECTOR";
    case LARS_ERR_ALIAS: return "LARS_ERR_ALIAS";
    case LARS_ERR_ALIGNMENT: return "LARS_ERR_ALIGNMENT";
    case LARS_ERR_STATE: return "LARS_ERR_STATE";
    case LARS_ERR_BUSY: return "LARS_ERR_BUSY";
    case LARS_ERR_CALLBACK: return "LARS_ERR_CALLBACK";
    case LARS_ERR_NONFINITE: return "LARS_ERR_NONFINITE";
    case LARS_ERR_MEMORY: return "LARS_ERR_MEMORY";
    case LARS_ERR_INTERNAL: return "LARS_ERR_INTERNAL";
    case LARS_ERR_IO: return "LARS_ERR_IO";
    case LARS_ERR_FORMAT: return "LARS_ERR_FORMAT";
    case LARS_ERR_MISMATCH: return "LARS_ERR_MISMATCH";
    default: return "unknown status";
  }
}

// ---- Life of an optimizer -------------------------------------------------------------------------------

int32_t lars_create(lars_optimizer** optimizer) noexcept {
  if (optimizer == nullptr) return LARS_ERR_ARGUMENT;
  *optimizer = nullptr;
  try {
    *optimizer = new lars_optimizer();
    return LARS_OK;
  } catch (...) {
    return lars::capi::translate_exception([](int32_t status, const char* /*message*/) { return status; });
  }
}

int32_t lars_destroy(lars_optimizer* optimizer) noexcept {
  if (optimizer == nullptr) return LARS_OK;
  if (optimizer->busy.exchange(true, std::memory_order_acquire)) return LARS_ERR_BUSY;
  delete optimizer;
  return LARS_OK;
}

const char* lars_error_message(const lars_optimizer* optimizer) noexcept {
  if (optimizer == nullptr) return "the optimizer handle is NULL; create one with lars_create";
  // Not a change of the handle's state, only of who may look at it.
  const Entry entry(const_cast<lars_optimizer*>(optimizer)->busy);
  if (!entry.entered()) return "another call on this handle is running; one handle serves one call at a time";
  return optimizer->message.data();
}

// ---- Parameters -----------------------------------------------------------------------------------------

int32_t lars_add_parameter(lars_optimizer* optimizer, const char* name, int32_t dtype, uint32_t ndim,
                           const int64_t* shape, uint32_t* index) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(name, "name");
    const uint32_t added = core.add_parameter(name, dtype, ndim, shape);
    if (index != nullptr) *index = added;
    return LARS_OK;
  });
}

int32_t lars_parameter_count(lars_optimizer* optimizer, uint32_t* count) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(count, "count");
    *count = core.parameter_count();
    return LARS_OK;
  });
}

int32_t lars_parameter_index(lars_optimizer* optimizer, const char* name, uint32_t* index) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(name, "name");
    require(index, "index");
    *index = core.parameter_index(name);
    return LARS_OK;
  });
}

int32_t lars_parameter_info(lars_optimizer* optimizer, uint32_t index, const char** name, int32_t* dtype,
                            uint32_t* ndim, const int64_t** shape) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    const lars::Parameter& parameter = core.parameter(index);
    if (name != nullptr) *name = parameter.name.c_str();
    if (dtype != nullptr) *dtype = static_cast<int32_t>(parameter.type);
    if (ndim != nullptr) *ndim = static_cast<uint32_t>(parameter.shape.size());
    if (shape != nullptr) *shape = parameter.shape.data();
    return LARS_OK;
  });
}

int32_t lars_set_gradient_dtype(lars_optimizer* optimizer, const char* selector, int32_t dtype) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_gradient_type(selector, lars::element_type_from_number(dtype));
    return LARS_OK;
  });
}

int32_t lars_gradient_dtype(lars_optimizer* optimizer, uint32_t index, int32_t* dtype) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(dtype, "dtype");
    *dtype = static_cast<int32_t>(core.parameter(index).gradient_type);
    return LARS_OK;
  });
}

int32_t lars_check_arrays(lars_optimizer* optimizer, int32_t role, uint32_t count, const int32_t* dtypes,
                          const uint64_t* elements) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require_unless(count == 0, dtypes, "dtypes");
    require_unless(count == 0, elements, "elements");
    lars::check_arrays(core.parameters(), lars::role_from_number(role), {dtypes, count}, elements);
    return LARS_OK;
  });
}

int32_t lars_check_array(lars_optimizer* optimizer, int32_t role, uint32_t index, int32_t dtype,
                         uint64_t elements) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    lars::check_array(core.parameter(index), index, lars::role_from_number(role), {dtype, elements});
    return LARS_OK;
  });
}

int32_t lars_check_flat(lars_optimizer* optimizer, int32_t role, int32_t dtype, uint64_t elements) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    lars::check_flat(core.parameters(), lars::role_from_number(role), {dtype, elements});
    return LARS_OK;
  });
}

// ---- Hyper-parameters -----------------------------------------------------------------------------------

int32_t lars_set(lars_optimizer* optimizer, const char* selector, int32_t key, double value) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set(selector, key_from_number(key), value);
    return LARS_OK;
  });
}

int32_t lars_set_if(lars_optimizer* optimizer, lars_predicate predicate, void* user, int32_t key,
                    double value) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(reinterpret_cast<const void*>(predicate), "predicate");
    core.set_if(predicate, user, key_from_number(key), value);
    return LARS_OK;
  });
}

int32_t lars_set_schedule(lars_optimizer* optimizer, const char* selector, int32_t key,
                          const lars_schedule* schedule) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_schedule(selector, key_from_number(key), require_schedule(schedule, "schedule"));
    return LARS_OK;
  });
}

int32_t lars_set_schedule_if(lars_optimizer* optimizer, lars_predicate predicate, void* user, int32_t key,
                             const lars_schedule* schedule) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(reinterpret_cast<const void*>(predicate), "predicate");
    core.set_schedule_if(predicate, user, key_from_number(key), require_schedule(schedule, "schedule"));
    return LARS_OK;
  });
}

int32_t lars_get(lars_optimizer* optimizer, uint32_t index, int32_t key, double* value) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(value, "value");
    *value = core.value_at_next_step(index, key_from_number(key));
    return LARS_OK;
  });
}

int32_t lars_set_variant(lars_optimizer* optimizer, int32_t variant) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_variant(variant);
    return LARS_OK;
  });
}

int32_t lars_set_mlperf_resnet50(lars_optimizer* optimizer, uint64_t batch,
                                 uint64_t steps_per_epoch) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_mlperf_resnet50(batch, steps_per_epoch);
    return LARS_OK;
  });
}

int32_t lars_set_gradient_clip(lars_optimizer* optimizer, double max_norm) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_gradient_clip(max_norm);
    return LARS_OK;
  });
}

int32_t lars_gradient_clip(lars_optimizer* optimizer, double* max_norm) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(max_norm, "max_norm");
    *max_norm = core.gradient_clip();
    return LARS_OK;
  });
}

int32_t lars_set_max_consecutive_skips(lars_optimizer* optimizer, uint64_t most) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_max_consecutive_skips(most);
    return LARS_OK;
  });
}

int32_t lars_max_consecutive_skips(lars_optimizer* optimizer, uint64_t* most) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(most, "most");
    *most = core.max_consecutive_skips();
    return LARS_OK;
  });
}

int32_t lars_set_nonfinite_policy(lars_optimizer* optimizer, int32_t policy) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    if (policy != LARS_NONFINITE_REFUSE && policy != LARS_NONFINITE_SKIP &&
        policy != LARS_NONFINITE_PROPAGATE) {
      fail(LARS_ERR_ARGUMENT,
           "policy {} is unknown; the choices are LARS_NONFINITE_REFUSE (0), LARS_NONFINITE_SKIP (1) and "
           "LARS_NONFINITE_PROPAGATE (2)",
           policy);
    }
    core.set_nonfinite_policy(static_cast<lars::NonfinitePolicy>(policy));
    return LARS_OK;
  });
}

int32_t lars_nonfinite_policy(lars_optimizer* optimizer, int32_t* policy) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(policy, "policy");
    *policy = static_cast<int32_t>(core.nonfinite_policy());
    return LARS_OK;
  });
}

int32_t lars_set_kernels(lars_optimizer* optimizer, const char* kernels) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(kernels, "kernels");
    core.set_kernels(kernels);
    return LARS_OK;
  });
}

const char* lars_kernels(const lars_optimizer* optimizer) noexcept {
  return optimizer == nullptr ? "" : optimizer->core.kernels_name();
}

int32_t lars_set_threads(lars_optimizer* optimizer, uint32_t threads) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_threads(threads);
    return LARS_OK;
  });
}

int32_t lars_threads(lars_optimizer* optimizer, uint32_t* threads) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    require(threads, "threads");
    *threads = core.threads();
    return LARS_OK;
  });
}

int32_t lars_set_parallel_for(lars_optimizer* optimizer, lars_parallel_for run, void* user,
                              uint32_t threads) noexcept {
  return call(optimizer, [&](Optimizer& core) {
    core.set_parallel_for(run, user, threads);
    return LARS_OK;
  });
}
