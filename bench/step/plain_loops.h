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

/* Reads three arrays and writes two in place, doing next to nothing: the ceiling of pass 2, 20 bytes. */
void update_two(float* w, const float* g, float* m, size_t count);

/* Plain momentum-SGD in one fused loop: the floor, 20 bytes. */
void momentum_sgd(float* w, const float* g, float* m, size_t count, float learning_rate, float momentum,
                  float weight_decay);

/* LARS for one tensor as a user would write it. */
void plain_lars(float* w, const float* g, float* m, size_t count, float learning_rate, float momentum,
                float weight_decay, float trust_coefficient);

#ifdef __cplusplus
}
#endif

#endif
