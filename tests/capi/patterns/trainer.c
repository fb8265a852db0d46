/* The patterns of docs/integrating.md in C, as C programs have them; tests/capi/integrating_test.cpp calls
 * them. */
#include "trainer.h"

#include <string.h>

#include "flat_buffer.h"
#include "framework_gradients.h"
#include "negated_gradient.h"

int32_t trainer_add_transformer(lars_optimizer* optimizer) {
  static const struct stacked tensors[] = {
      {"embedding", 0, 2, {5, 4}},
      {"attention.weight", 3, 2, {4, 4}},
      {"attention.bias", 3, 1, {4, 0}},
      {"norm", 0, 1, {4, 0}},
  };
  return add_stacked(optimizer, tensors, 4);
}

int32_t trainer_expect_negated_sums(lars_optimizer* optimizer, int batch) {
  return expect_negated_sums(optimizer, batch);
}

static const float* framework_gradient(const struct tensor* tensor) {
  static float gradients[2][8]; /* where the framework has put them this time */
  static int calls = 0;
  float* place = gradients[calls++ % 2];
  for (int64_t i = 0; i < tensor->elements; ++i) place[i] = 0.25F * tensor->data[i];
  return place;
}

int32_t trainer_step_framework(lars_optimizer* optimizer, float* first, float* second, int64_t elements) {
  struct tensor tensors[2];
  memset(tensors, 0, sizeof tensors);
  tensors[0].data = first;
  tensors[1].data = second;
  for (int i = 0; i < 2; ++i) {
    tensors[i].elements = elements;
    tensors[i].gradient = framework_gradient;
  }
  return step_tensors(optimizer, tensors, 2);
}
