/* Compiled for the processor it runs on, so that nothing but memory limits it. Which loop is the fastest
   differs by processor and size, so that there are several of each: bench/report takes the fastest for the
   ceiling. */
#include <string.h>

#include "plain_loops.h"

enum {
  kLine = 64,            /* bytes in a cache line */
  kLanes = kLine / 4,    /* elements in it */
  kUnrolled = 4,         /* lines of each array at once, so that no addition waits for the one before */
  kReadAhead = 4096 / 4, /* elements: the distances that gave the most on machines that were tried */
  kUpdateAhead = 2048 / 4
};

/* A line, wherever it begins: the compiler makes it of as many registers as the processor needs. */
typedef float Floats __attribute__((vector_size(kLine), aligned(4), may_alias));
typedef uint32_t Words __attribute__((vector_size(kLine), aligned(4), may_alias));

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

/* `ahead` is a constant where this is called: 0 leaves the prefetches out. */
static inline __attribute__((always_inline)) uint32_t read_by_lines(const float* a, const float* b,
                                                                    size_t count, size_t ahead) {
  Words sums[kUnrolled] = {0};
  size_t i = 0;
  for (; i + kUnrolled * kLanes <= count; i += kUnrolled * kLanes) {
    for (size_t line = 0; line < kUnrolled; ++line) {
      const size_t first = i + line * kLanes;
      if (ahead > 0) __builtin_prefetch(a + first + ahead, 0);
      if (ahead > 0) __builtin_prefetch(b + first + ahead, 0);
      sums[line] ^= *(const Words*)(a + first) ^ *(const Words*)(b + first);
    }
  }
  const Words all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  uint32_t sum = read_two(a + i, b + i, count - i);
  for (size_t lane = 0; lane < kLanes; ++lane) sum ^= all[lane];
  return sum;
}

uint32_t read_two_unrolled(const float* a, const float* b, size_t count) {
  return read_by_lines(a, b, count, 0);
}

uint32_t read_two_prefetched(const float* a, const float* b, size_t count) {
  return read_by_lines(a, b, count, kReadAhead);
}

static inline __attribute__((always_inline)) void update_by_lines(float* restrict w, const float* restrict g,
                                                                  float* restrict m, size_t count,
                                                                  size_t ahead) {
  size_t i = 0;
  for (; i + kUnrolled * kLanes <= count; i += kUnrolled * kLanes) {
    for (size_t line = 0; line < kUnrolled; ++line) {
      const size_t first = i + line * kLanes;
      if (ahead > 0) __builtin_prefetch(w + first + ahead, 1);
      if (ahead > 0) __builtin_prefetch(g + first + ahead, 0);
      if (ahead > 0) __builtin_prefetch(m + first + ahead, 1);
      const Floats sum = *(const Floats*)(m + first) + *(const Floats*)(g + first);
      *(Floats*)(m + first) = sum * 0.5f;
      *(Floats*)(w + first) += sum * 1e-9f;
    }
  }
  update_two(w + i, g + i, m + i, count - i);
}

void update_two_unrolled(float* restrict w, const float* restrict g, float* restrict m, size_t count) {
  update_by_lines(w, g, m, count, 0);
}

void update_two_prefetched(float* restrict w, const float* restrict g, float* restrict m, size_t count) {
  update_by_lines(w, g, m, count, kUpdateAhead);
}

void momentum_sgd(float* restrict w, const float* restrict g, float* restrict m, size_t count,
                  float learning_rate, float momentum, float weight_decay) {
  for (size_t i = 0; i < count; ++i) {
    const float update = g[i] + weight_decay * w[i];
    m[i] = momentum * m[i] + update;
    w[i] -= learning_rate * m[i];
  }
}

void copy_gradients(float* restrict sums, const float* restrict g, size_t count) {
  for (size_t i = 0; i < count; ++i) sums[i] = g[i];
}

void add_gradients(float* restrict sums, const float* restrict g, size_t count) {
  for (size_t i = 0; i < count; ++i) sums[i] += g[i];
}
