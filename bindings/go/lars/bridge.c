#include "bridge.h"

#include "_cgo_export.h"

// cgo's prototypes know no const.

static int32_t call_predicate(void* user, uint32_t index, const char* name, int32_t dtype, uint32_t ndim,
                              const int64_t* shape) {
  return larsGoPredicate((uintptr_t)user, index, (char*)name, dtype, ndim, (int64_t*)shape);
}

static int32_t call_schedule(void* user, uint64_t step, double* value) {
  return larsGoSchedule((uintptr_t)user, step, value);
}

static void call_observer(void* user, int32_t status, uint64_t steps, uint32_t count, uint32_t quantity_count,
                          const double* const* quantities) {
  larsGoObserver((uintptr_t)user, status, steps, count, quantity_count, (double**)quantities);
}

static int32_t call_parallel_for(void* user, uint32_t count, lars_task task, void* context) {
  return larsGoParallelFor((uintptr_t)user, count, task, context);
}

int32_t lars_go_set_if(lars_optimizer* optimizer, uintptr_t predicate, int32_t key, double value) {
  return lars_set_if(optimizer, predicate != 0 ? call_predicate : NULL, (void*)predicate, key, value);
}

int32_t lars_go_set_schedule_if(lars_optimizer* optimizer, uintptr_t predicate, int32_t key,
                                const lars_schedule* schedule) {
  return lars_set_schedule_if(optimizer, predicate != 0 ? call_predicate : NULL, (void*)predicate, key,
                              schedule);
}

int32_t lars_go_schedule_callback(uintptr_t function, lars_schedule** schedule) {
  return lars_schedule_callback(function != 0 ? call_schedule : NULL, (void*)function, schedule);
}

int32_t lars_go_set_observer(lars_optimizer* optimizer, uintptr_t observer) {
  return lars_set_observer(optimizer, observer != 0 ? call_observer : NULL, (void*)observer);
}

int32_t lars_go_set_parallel_for(lars_optimizer* optimizer, uintptr_t run, uint32_t threads) {
  return lars_set_parallel_for(optimizer, run != 0 ? call_parallel_for : NULL, (void*)run, threads);
}
