#include <lars/lars.h>
#include <stdio.h>

int main(void) {
  float weight[6] = {1, 2, 3, 4, 5, 6}, weight_gradient[6] = {.1f, .2f, .3f, .1f, .2f, .3f};
  float bias[2] = {0.5f, 0.5f}, bias_gradient[2] = {0.1f, -0.1f};
  void* parameters[] = {weight, bias};
  const void* gradients[] = {weight_gradient, bias_gradient};
  const int64_t weight_shape[] = {2, 3}, bias_shape[] = {2};
  lars_optimizer* opt;
  if (lars_create(&opt)) return 1;
  if (lars_add_parameter(opt, "fc.weight", LARS_F32, 2, weight_shape, NULL) ||
      lars_add_parameter(opt, "fc.bias", LARS_F32, 1, bias_shape, NULL) ||
      lars_set(opt, NULL, LARS_LEARNING_RATE, 10.0) ||
      lars_set(opt, "*.bias", LARS_TRUST_RATIO_MASK, 0) || /* biases take no trust ratio, */
      lars_set(opt, "*.bias", LARS_LEARNING_RATE, 0.1))    /* so they need a learning rate of their own */
    return puts(lars_error_message(opt)), 1;
  for (int step = 0; step < 3; ++step) {
    double ratio;
    if (lars_step(opt, parameters, gradients) || lars_norms(opt, 0, NULL, NULL, &ratio))
      return puts(lars_error_message(opt)), 1;
    printf("step %d: weight %.4f, bias %.3f, trust ratio %.5f\n", step, weight[0], bias[0], ratio);
  }
  return lars_destroy(opt);
}
