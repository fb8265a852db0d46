#include <stddef.h>
#include <stdint.h>

#include "lars/lars.h"

/* The loss is multiplied by `scale`, a power of two, before the backward pass. */
struct loss_scaler {
  double scale;
  uint32_t good_steps; /* in a row, since the scale was last changed */
  uint32_t interval;   /* so many double the scale */
};

/* One step with gradients of the scaled loss, on an optimizer under LARS_NONFINITE_SKIP. */
static inline int32_t scaled_step(lars_optimizer* optimizer, struct loss_scaler* scaler,
                                  void* const* parameters, const void* const* gradients) {
  int32_t status = lars_set(optimizer, NULL, LARS_GRADIENT_SCALE, 1.0 / scaler->scale);
  if (status == LARS_OK) status = lars_step(optimizer, parameters, gradients);
  if (status == LARS_SKIPPED) { /* they overflowed: nothing was written, and the next scale is half of this */
    scaler->scale /= 2.0;
    scaler->good_steps = 0;
  } else if (status == LARS_OK && ++scaler->good_steps == scaler->interval) {
    scaler->scale *= 2.0;
    scaler->good_steps = 0;
  }
  return status;
}
