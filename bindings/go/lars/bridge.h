// What of lars.h Go cannot call as it is: functions that take functions, and pointers to elements.
//
// Functions of the program are known to C by a number, a runtime/cgo.Handle, because C may not keep a Go
// pointer. They are called by way of the functions that callback.go exports.
#ifndef LARS_GO_BRIDGE_H
#define LARS_GO_BRIDGE_H

#include <lars/lars.h>
#include <stdint.h>

// 0: no function, which the library refuses.
int32_t lars_go_set_if(lars_optimizer* optimizer, uintptr_t predicate, int32_t key, double value);
int32_t lars_go_set_schedule_if(lars_optimizer* optimizer, uintptr_t predicate, int32_t key,
                                const lars_schedule* schedule);
int32_t lars_go_schedule_callback(uintptr_t function, lars_schedule** schedule);

// 0: no observer, no pool.
int32_t lars_go_set_observer(lars_optimizer* optimizer, uintptr_t observer);
int32_t lars_go_set_parallel_for(lars_optimizer* optimizer, uintptr_t run, uint32_t threads);

static inline void lars_go_run_task(lars_task task, void* context, uint32_t index) { task(context, index); }

// With char for void: see Tensor.bytes.
static inline int32_t lars_go_step_flat(lars_optimizer* optimizer, char* parameters, const char* gradients) {
  return lars_step_flat(optimizer, parameters, gradients);
}
static inline int32_t lars_go_step_parameter(lars_optimizer* optimizer, uint32_t index, char* parameter,
                                             const char* gradient) {
  return lars_step_parameter(optimizer, index, parameter, gradient);
}

#endif
