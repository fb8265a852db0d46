/* Compiled as a user's program would be: -O3 for any processor of the kind. */
#include <math.h>

#include "plain_loops.h"

void plain_lars(float* w, const float* g, float* m, size_t count, float learning_rate, float momentum,
                float weight_decay, float trust_coefficient) {
  double w2 = 0.0;
  double u2 = 0.0;
  for (size_t i = 0; i < count; ++i) {
    const double u = g[i] + weight_decay * w[i];
    w2 += (double)w[i] * w[i];
    u2 += u * u;
  }
  const float ratio = w2 > 0.0 && u2 > 0.0 ? (float)(trust_coefficient * sqrt(w2 / u2)) : 1.0f;
  for (size_t i = 0; i < count; ++i) {
    m[i] = momentum * m[i] - learning_rate * ratio * (g[i] + weight_decay * w[i]);
    w[i] += m[i];
  }
}
