// What program.c does, by lars.hpp, from where it was installed.
#include <cstdio>
#include <lars/lars.hpp>
#include <vector>

int main() try {
  std::vector<float> weight = {1, 2, 3, 4, 5, 6};
  std::vector<float> bias = {0.5F, 0.5F};
  const std::vector<float> weight_gradient = {.1F, .2F, .3F, .1F, .2F, .3F};
  const std::vector<float> bias_gradient = {0.1F, -0.1F};
  lars::Optimizer optimizer;
  optimizer.add_parameter("fc.weight", lars::Type::f32, {2, 3});
  optimizer.add_parameter("fc.bias", lars::Type::f32, {2});
  optimizer.set(lars::Key::learning_rate, 10.0);
  optimizer.set("*.bias", lars::Key::trust_ratio_mask, 0);
  optimizer.set("*.bias", lars::Key::learning_rate, 0.1);
  for (int step = 0; step < 3; ++step) {
    optimizer.step({weight, bias}, {weight_gradient, bias_gradient});
    std::printf("step %d: weight %.4f, trust ratio %.5f\n", step, static_cast<double>(weight[0]),
                optimizer.norms(0).trust_ratio);
  }
  return 0;
} catch (const lars::Error& error) {
  std::puts(error.what());
  return 1;
}
