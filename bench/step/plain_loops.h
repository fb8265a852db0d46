/* What liblars is measured against, in plain C. */
#ifndef LARS_BENCH_PLAIN_LOOPS_H
#define LARS_BENCH_PLAIN_LOOPS_H

#include <stddef.h> /* NOLINT(modernize-deprecated-headers): C reads this, too */
#include <stdint.h> /* NOLINT(modernize-deprecated-headers) */

#ifdef __cplusplus
extern "C" {
#endif

/* Reads both arrays and does next to nothing: the ceiling of pass 1, 8 bytes an element. */
uint32_t read_two(const float* a, const float* b, size_t count);
uint32_t read_two_unrolled(const float* a, const float* b, size_t count);
uint32_t read_two_prefetched(const float* a, const float* b, size_t count); /* and unrolled */

/* Reads three arrays and writes two in place, doing next to nothing: the ceiling of pass 2, 20 bytes. */
void update_two(float* w, const float* g, float* m, size_t count);
void update_two_unrolled(float* w, const float* g, float* m, size_t count);
void update_two_prefetched(float* w, const float* g, float* m, size_t count); /* and unrolled */

/* Plain momentum-SGD in one fused loop: the floor, 20 bytes. */
void momentum_sgd(float* w, const float* g, float* m, size_t count, float learning_rate, float momentum,
                  float weight_decay);

/* Sets the sums to the gradients of the first micro-batch: 8 bytes. */
void copy_gradients(float* sums, const float* g, size_t count);

/* Adds those of another: 12 bytes. */
void add_gradients(float* sums, const float* g, size_t count);

/* LARS for one tensor as a user would write it. */
void plain_lars(float* w, const float* g, float* m, size_t count, float learning_rate, float momentum,
                float weight_decay, float trust_coefficient);

#ifdef __cplusplus
}
#endif

#endif
