#include <stddef.h>

#include "lars/lars.h"

/* The trainer's `weight_updates` hold the negated sum of the gradients over the batch. */
static inline int32_t expect_negated_sums(lars_optimizer* optimizer, int batch) {
  return lars_set(optimizer, NULL, LARS_GRADIENT_SCALE, -1.0 / batch);
}
