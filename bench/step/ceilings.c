/* Compiled for the processor it runs on, so that nothing but memory limits it. */
#include <string.h>

#include "plain_loops.h"

static uint32_t bits(const float* x) {
  uint32_t value;
  memcpy(&value, x, sizeof value);
  return value;
}

uint32_t read_two(const float* a, const float* b, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum ^= bits(a + i) ^ bits(b + i);
  return sum;
}

void update_two(float* restrict w, const float* restrict g, float* restrict m, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const float sum = m[i] + g[i];
    m[i] = sum * 0.5f;
    w[i] += sum * 1e-9f;
  }
}

void momentum_sgd(float* restrict w, const float* restrict g, float* restrict m, size_t count,
                  float learning_rate, float momentum, float weight_decay) {
  for (size_t i = 0; i < count; ++i) {
    const float update = g[i] + weight_decay * w[i];
    m[i] = momentum * m[i] + update;
    w[i] -= learning_rate * m[i];
  }
}
