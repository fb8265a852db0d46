#include <stdio.h>

#include "lars/lars.h"

/* A tensor of a trainer that keeps all parameters in one buffer: `layers` of them lie stacked in it. */
struct stacked {
  const char* name; /* "attention.weight" */
  int layers;       /* 0: there is one, and it is no stack */
  uint32_t ndim;
  int64_t shape[2]; /* of one layer */
};

/* Registers every layer as a parameter of its own, in the order in which they lie in the buffer. */
static inline int32_t add_stacked(lars_optimizer* optimizer, const struct stacked* tensors, int count) {
  for (int i = 0; i < count; ++i) {
    const struct stacked* tensor = &tensors[i];
    for (int layer = 0; layer < (tensor->layers > 0 ? tensor->layers : 1); ++layer) {
      char name[64];
      if (tensor->layers > 0) {
        snprintf(name, sizeof name, "layer.%d.%s", layer, tensor->name);
      } else {
        snprintf(name, sizeof name, "%s", tensor->name);
      }
      int32_t status = lars_add_parameter(optimizer, name, LARS_F32, tensor->ndim, tensor->shape, NULL);
      if (status < 0) return status;
    }
  }
  return LARS_OK;
}
/* Then each step is lars_step_flat(optimizer, parameters, gradients). */
