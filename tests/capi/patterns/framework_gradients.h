#include <stdlib.h>

#include "lars/lars.h"

/* A framework's tensor, which knows where its accumulated gradient is. */
struct tensor {
  const char* name;
  int64_t elements;
  float* data;
  const float* (*gradient)(const struct tensor*);
};

/* One step: the pointers are gathered anew each time, for the framework may have moved what they point to. */
static inline int32_t step_tensors(lars_optimizer* optimizer, struct tensor* tensors, size_t count) {
  void** parameters = malloc(count * sizeof *parameters);
  const void** gradients = malloc(count * sizeof *gradients);
  int32_t status = LARS_ERR_MEMORY;
  if (parameters != NULL && gradients != NULL) {
    for (size_t i = 0; i < count; ++i) {
      parameters[i] = tensors[i].data;
      gradients[i] = tensors[i].gradient(&tensors[i]);
    }
    status = lars_step(optimizer, parameters, gradients);
  }
  free(parameters);
  free(gradients);
  return status;
}
