/* The task of examples/README.md: sizes, images and labels, initial weights. */
#ifndef LARS_EXAMPLES_TASK_H
#define LARS_EXAMPLES_TASK_H

#include <lars/lars.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { INPUTS = 784, HIDDEN = 100, OUTPUTS = 10, IMAGES = 4096, BATCH = 64, EPOCHS = 5 };
enum { TASK_STEPS = EPOCHS * (IMAGES / BATCH), SEED = 20170813 };

static float images[IMAGES][INPUTS]; /* pixels between 0 and 1 */
static unsigned char labels[IMAGES];

static void fail(const char* what, const char* why) {
  fprintf(stderr, "train: %s: %s\n", what, why);
  exit(1);
}

/* Ends the program unless the call succeeded. */
static void check(lars_optimizer* optimizer, int32_t status) {
  if (status < 0) fail(lars_status_name(status), lars_error_message(optimizer));
}

static void read_idx(const char* path, size_t header, unsigned char* content, size_t bytes) {
  unsigned char skipped[16];
  gzFile file = gzopen(path, "rb");
  if (file == NULL || gzread(file, skipped, (unsigned)header) != (int)header ||
      gzread(file, content, (unsigned)bytes) != (int)bytes) {
    fail(path, "is not there, or is no IDX file with 4096 images or labels");
  }
  gzclose(file);
}

static void read_data(const char* images_path, const char* labels_path) {
  static unsigned char pixels[IMAGES][INPUTS];
  read_idx(images_path, 16, &pixels[0][0], sizeof pixels);
  read_idx(labels_path, 8, labels, sizeof labels);
  for (int i = 0; i < IMAGES; ++i) {
    for (int j = 0; j < INPUTS; ++j) images[i][j] = (float)pixels[i][j] / 255.0F;
  }
}

static float next_weight(uint64_t* state, int inputs) {
  *state = *state * 6364136223846793005U + 1442695040888963407U;
  return (float)(((double)(*state >> 40) / 16777216.0 - 0.5) * 2.0 / sqrt(inputs));
}

/* Weight decay, and a learning rate that falls along a cosine, for all but "*.bias"; those have a tenth of
 * it. */
static void configure(lars_optimizer* optimizer) {
  lars_schedule* schedule = NULL;
  check(optimizer, lars_set(optimizer, NULL, LARS_WEIGHT_DECAY, 1e-4));
  check(optimizer, lars_set(optimizer, NULL, LARS_TRUST_COEFFICIENT, 0.01));
  lars_schedule_cosine_decay(2.0, TASK_STEPS, 0.0, 1.0, &schedule); /* the next call says so if it failed */
  check(optimizer, lars_set_schedule(optimizer, NULL, LARS_LEARNING_RATE, schedule));
  lars_schedule_destroy(schedule);
  check(optimizer, lars_set(optimizer, "*.bias", LARS_WEIGHT_DECAY_MASK, 0));
  check(optimizer, lars_set(optimizer, "*.bias", LARS_TRUST_RATIO_MASK, 0));
  lars_schedule_cosine_decay(0.2, TASK_STEPS, 0.0, 1.0, &schedule);
  check(optimizer, lars_set_schedule(optimizer, "*.bias", LARS_LEARNING_RATE, schedule));
  lars_schedule_destroy(schedule);
}

#endif /* LARS_EXAMPLES_TASK_H */
