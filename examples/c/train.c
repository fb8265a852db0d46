/* Trains a small model with liblars: all parameters in one buffer, stepped by one call. examples/README.md
 * has the task. Usage: train IMAGES LABELS, files in IDX format, gzipped or not. */
#include <string.h>

#include "task.h"

/* The buffer: one parameter after the other. */
enum {
  WEIGHT1 = 0,
  BIAS1 = WEIGHT1 + INPUTS * HIDDEN,
  WEIGHT2 = BIAS1 + HIDDEN,
  BIAS2 = WEIGHT2 + HIDDEN * OUTPUTS,
  PARAMETERS = BIAS2 + OUTPUTS
};

static float parameters[PARAMETERS];
static float gradients[PARAMETERS];

static void draw_weights(float* weights, int inputs, int outputs, uint64_t* state) {
  for (int i = 0; i < inputs * outputs; ++i) weights[i] = next_weight(state, inputs);
}

/* Outputs of a layer for one example: biases + inputs * weights. */
static void forward(const float* x, const float* weights, const float* biases, int inputs, int outputs,
                    float* y) {
  memcpy(y, biases, (size_t)outputs * sizeof *y);
  for (int i = 0; i < inputs; ++i) {
    if (x[i] == 0.0F) continue;
    for (int j = 0; j < outputs; ++j) y[j] += x[i] * weights[i * outputs + j];
  }
}

/* Turns the last layer's outputs into probabilities; the loss. */
static double softmax(float* y, int label) {
  float largest = y[0];
  float sum = 0.0F;
  for (int j = 1; j < OUTPUTS; ++j) largest = y[j] > largest ? y[j] : largest;
  for (int j = 0; j < OUTPUTS; ++j) sum += y[j] = expf(y[j] - largest);
  for (int j = 0; j < OUTPUTS; ++j) y[j] /= sum;
  return -log((double)y[label]);
}

/* The model's probabilities for one image, and its loss. */
static double predict(int image, float* hidden, float* y) {
  forward(images[image], parameters + WEIGHT1, parameters + BIAS1, INPUTS, HIDDEN, hidden);
  for (int j = 0; j < HIDDEN; ++j) hidden[j] = hidden[j] > 0.0F ? hidden[j] : 0.0F;
  forward(hidden, parameters + WEIGHT2, parameters + BIAS2, HIDDEN, OUTPUTS, y);
  return softmax(y, labels[image]);
}

/* Adds what one image contributes to the gradient of the batch's mean loss. */
static void add_gradients(int image) {
  float hidden[HIDDEN];
  float y[OUTPUTS];
  predict(image, hidden, y);
  y[labels[image]] -= 1.0F;
  for (int j = 0; j < OUTPUTS; ++j) gradients[BIAS2 + j] += y[j] /= BATCH;
  for (int i = 0; i < HIDDEN; ++i) {
    if (hidden[i] == 0.0F) continue;
    float slope = 0.0F;
    for (int j = 0; j < OUTPUTS; ++j) {
      gradients[WEIGHT2 + i * OUTPUTS + j] += hidden[i] * y[j];
      slope += parameters[WEIGHT2 + i * OUTPUTS + j] * y[j];
    }
    gradients[BIAS1 + i] += slope;
    for (int k = 0; k < INPUTS; ++k) gradients[WEIGHT1 + k * HIDDEN + i] += images[image][k] * slope;
  }
}

static lars_optimizer* make_optimizer(void) {
  static const int64_t weight1[] = {INPUTS, HIDDEN};
  static const int64_t bias1[] = {HIDDEN};
  static const int64_t weight2[] = {HIDDEN, OUTPUTS};
  static const int64_t bias2[] = {OUTPUTS};
  lars_optimizer* optimizer = NULL;
  if (lars_create(&optimizer) < 0) fail("lars_create", "out of memory");
  check(optimizer, lars_add_parameter(optimizer, "layer1.weight", LARS_F32, 2, weight1, NULL));
  check(optimizer, lars_add_parameter(optimizer, "layer1.bias", LARS_F32, 1, bias1, NULL));
  check(optimizer, lars_add_parameter(optimizer, "layer2.weight", LARS_F32, 2, weight2, NULL));
  check(optimizer, lars_add_parameter(optimizer, "layer2.bias", LARS_F32, 1, bias2, NULL));
  configure(optimizer);
  return optimizer;
}

static void report(void) {
  double loss = 0.0;
  int right = 0;
  for (int i = 0; i < IMAGES; ++i) {
    float hidden[HIDDEN];
    float y[OUTPUTS];
    int best = 0;
    loss += predict(i, hidden, y);
    for (int j = 1; j < OUTPUTS; ++j) best = y[j] > y[best] ? j : best;
    right += best == labels[i];
  }
  printf("final loss %.4f, accuracy %.4f\n", loss / IMAGES, (double)right / IMAGES);
}

int main(int argc, char** argv) {
  uint64_t state = SEED;
  lars_optimizer* optimizer;
  if (argc != 3) fail("usage", "train IMAGES LABELS");
  read_data(argv[1], argv[2]);
  draw_weights(parameters + WEIGHT1, INPUTS, HIDDEN, &state);
  draw_weights(parameters + WEIGHT2, HIDDEN, OUTPUTS, &state);
  optimizer = make_optimizer();
  for (int epoch = 0; epoch < EPOCHS; ++epoch) {
    for (int first = 0; first < IMAGES; first += BATCH) {
      memset(gradients, 0, sizeof gradients);
      for (int i = first; i < first + BATCH; ++i) add_gradients(i);
      check(optimizer, lars_step_flat(optimizer, parameters, gradients));
    }
  }
  report();
  lars_destroy(optimizer);
  return 0;
}
