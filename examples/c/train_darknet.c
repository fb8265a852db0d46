/* Trains a network of darknet's with liblars in place of darknet's own update. examples/README.md has the
 * task. Usage: train_darknet CFG IMAGES LABELS: a configuration of darknet's, files in IDX format, gzipped or
 * not. */
#include <darknet.h>
#include <string.h>

#include "task.h"

enum { MOST_PARAMETERS = 64 };

/* What a step takes, in the order of registration. */
struct tensors {
  uint32_t count;
  void* parameters[MOST_PARAMETERS];
  float* updates[MOST_PARAMETERS]; /* darknet adds negated gradients here, summed over the batch */
  size_t elements[MOST_PARAMETERS];
};

static void add(lars_optimizer* optimizer, struct tensors* tensors, const char* kind, int index,
                int64_t elements, float* parameters, float* updates) {
  char name[32];
  if (parameters == NULL) return; /* scales, in a layer without batch normalization */
  if (tensors->count == MOST_PARAMETERS) fail("the network", "has more parameters than this program takes");
  snprintf(name, sizeof name, "layer%d.%s", index, kind);
  check(optimizer, lars_add_parameter(optimizer, name, LARS_F32, 1, &elements, NULL));
  tensors->parameters[tensors->count] = parameters;
  tensors->updates[tensors->count] = updates;
  tensors->elements[tensors->count++] = (size_t)elements;
}

/* All that darknet's own update would change; layers that have other parameters are refused. */
static void add_layers(lars_optimizer* optimizer, struct tensors* tensors, network* net) {
  for (int i = 0; i < net->n; ++i) {
    const layer* one = &net->layers[i];
    if (one->type != CONNECTED && one->type != CONVOLUTIONAL) {
      if (one->update != NULL)
        fail("the network", "has layers with parameters beside [connected] and [convolutional]");
      continue;
    }
    const int connected = one->type == CONNECTED;
    const int biases = connected ? one->outputs : one->n;
    add(optimizer, tensors, "weight", i, connected ? (int64_t)one->inputs * one->outputs : one->nweights,
        one->weights, one->weight_updates);
    add(optimizer, tensors, "bias", i, biases, one->biases, one->bias_updates);
    add(optimizer, tensors, "scale.bias", i, biases, one->scales, one->scale_updates);
  }
}

/* darknet keeps weights as outputs x inputs. */
static void draw_weights(float* weights, int inputs, int outputs, uint64_t* state) {
  for (int i = 0; i < inputs; ++i) {
    for (int o = 0; o < outputs; ++o) weights[o * inputs + i] = next_weight(state, inputs);
  }
}

/* The next batch, forward; the sum of its losses. */
static double forward(network* net, int first) {
  memset(net->truth, 0, (size_t)(BATCH * OUTPUTS) * sizeof *net->truth);
  for (int i = 0; i < BATCH; ++i) net->truth[i * OUTPUTS + labels[first + i]] = 1.0F;
  memcpy(net->input, images[first], sizeof images[0] * BATCH);
  forward_network(net);
  return *net->cost;
}

static void train(network* net, lars_optimizer* optimizer, struct tensors* tensors) {
  net->train = 1;
  for (int step = 0; step < TASK_STEPS; ++step) {
    forward(net, step * BATCH % IMAGES);
    backward_network(net);
    check(optimizer, lars_step(optimizer, tensors->parameters, (const void* const*)tensors->updates));
    for (uint32_t i = 0; i < tensors->count; ++i) {
      memset(tensors->updates[i], 0, tensors->elements[i] * sizeof(float));
    }
  }
}

static void report(network* net) {
  double loss = 0.0;
  int right = 0;
  net->train = 0;
  for (int first = 0; first < IMAGES; first += BATCH) {
    loss += forward(net, first);
    for (int i = 0; i < BATCH; ++i) {
      const float* y = net->output + i * OUTPUTS;
      int best = 0;
      for (int j = 1; j < OUTPUTS; ++j) best = y[j] > y[best] ? j : best;
      right += best == labels[first + i];
    }
  }
  printf("final loss %.4f, accuracy %.4f\n", loss / IMAGES, (double)right / IMAGES);
}

int main(int argc, char** argv) {
  uint64_t state = SEED;
  lars_optimizer* optimizer = NULL;
  struct tensors tensors = {0};
  network* net;
  if (argc != 4) fail("usage", "train_darknet CFG IMAGES LABELS");
  read_data(argv[2], argv[3]);
  net = parse_network_cfg(argv[1]);
  if (net->inputs != INPUTS || net->outputs != OUTPUTS || net->batch != BATCH) {
    fail(argv[1], "is not a network for batches of 64 images of 784 pixels and 10 classes");
  }
  if (net->layers[net->n - 1].cost == NULL)
    fail(argv[1], "has no loss: it must end with [softmax] or the like");
  for (int i = 0; i < net->n; ++i) {
    if (net->layers[i].type == CONNECTED) {
      draw_weights(net->layers[i].weights, net->layers[i].inputs, net->layers[i].outputs, &state);
    }
  }
  if (lars_create(&optimizer) < 0) fail("lars_create", "out of memory");
  add_layers(optimizer, &tensors, net);
  configure(optimizer);
  check(optimizer, lars_set(optimizer, NULL, LARS_GRADIENT_SCALE, -1.0 / BATCH));
  train(net, optimizer, &tensors);
  report(net);
  lars_destroy(optimizer);
  free_network(net);
  return 0;
}
