/* What integrating_test.cpp calls of the patterns in C. */
#ifndef LARS_TESTS_TRAINER_H
#define LARS_TESTS_TRAINER_H

#include "lars/lars.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A transformer of 3 layers: 5x4 + 3 * 4x4 + 3 * 4 + 4 elements in one buffer. */
int32_t trainer_add_transformer(lars_optimizer* optimizer);
int32_t trainer_expect_negated_sums(lars_optimizer* optimizer, int batch);
/* Gradients are a quarter of the parameters. */
int32_t trainer_step_framework(lars_optimizer* optimizer, float* first, float* second, int64_t elements);

#ifdef __cplusplus
}
#endif

#endif
