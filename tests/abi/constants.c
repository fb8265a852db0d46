/* The numbers in lars.h are part of the ABI: programs have them compiled in. */
#include <lars/lars.h>
#include <stdio.h>

int second_file_version(void);

static int failures = 0;

static void expect(const char* name, long actual, long frozen) {
  if (actual == frozen) return;
  printf("%s is %ld; compiled programs have %ld\n", name, actual, frozen);
  ++failures;
}

#define EXPECT(name, frozen) expect(#name, (long)(name), frozen)

int main(void) {
  EXPECT(LARS_OK, 0);
  EXPECT(LARS_SKIPPED, 1);
  EXPECT(LARS_ERR_ARGUMENT, -1);
  EXPECT(LARS_ERR_KEY, -2);
  EXPECT(LARS_ERR_VALUE, -3);
  EXPECT(LARS_ERR_TYPE, -4);
  EXPECT(LARS_ERR_INDEX, -5);
  EXPECT(LARS_ERR_NAME, -6);
  EXPECT(LARS_ERR_SHAPE, -7);
  EXPECT(LARS_ERR_SELECTOR, -8);
  EXPECT(LARS_ERR_ALIAS, -9);
  EXPECT(LARS_ERR_ALIGNMENT, -10);
  EXPECT(LARS_ERR_STATE, -20);
  EXPECT(LARS_ERR_BUSY, -21);
  EXPECT(LARS_ERR_CALLBACK, -22);
  EXPECT(LARS_ERR_NONFINITE, -23);
  EXPECT(LARS_ERR_MEMORY, -30);
  EXPECT(LARS_ERR_INTERNAL, -31);
  EXPECT(LARS_F16, 528);
  EXPECT(LARS_F32, 544);
  EXPECT(LARS_F64, 576);
  EXPECT(LARS_BF16, 1040);
  EXPECT(LARS_LEARNING_RATE, 1);
  EXPECT(LARS_WEIGHT_DECAY, 2);
  EXPECT(LARS_WEIGHT_DECAY_MASK, 3);
  EXPECT(LARS_TRUST_COEFFICIENT, 4);
  EXPECT(LARS_EPS, 5);
  EXPECT(LARS_TRUST_RATIO_MASK, 6);
  EXPECT(LARS_MOMENTUM, 7);
  EXPECT(LARS_NESTEROV, 8);
  EXPECT(LARS_GRADIENT_SCALE, 9);
  EXPECT(LARS_NONFINITE_REFUSE, 0);
  EXPECT(LARS_NONFINITE_SKIP, 1);
  EXPECT(LARS_NONFINITE_PROPAGATE, 2);
  EXPECT(LARS_MAX_NAME, 255);
  EXPECT(LARS_MAX_NDIM, 64);
  EXPECT(LARS_MAX_THREADS, 1024);
  EXPECT(LARS_INTERPOLATE_LINEAR, 0);
  EXPECT(LARS_INTERPOLATE_COSINE, 1);
  expect("lars_version() in another file", second_file_version(), (long)lars_version());
  if (failures == 0) printf("all constants are as frozen\n");
  return failures == 0 ? 0 : 1;
}
