// lars-steps MODEL KERNELS STEPS: so many steps on one thread, for tools that count instructions. With
// "count" for STEPS it prints the model's number of parameters instead, and fails if the processor has no
// such kernels.
#include <fmt/format.h>
#include <lars/lars.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "model.hpp"

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: lars-steps MODEL KERNELS STEPS\n");
    return 2;
  }
  try {
    const lars_bench::Model model = lars_bench::make_model(argv[1], LARS_BENCH_TABLES);
    const auto count = static_cast<std::size_t>(model.count());
    std::vector<float> parameters(count, 0.5F);
    const std::vector<float> gradients(count, 0.01F);
    std::vector<void*> w;
    std::vector<const void*> g;
    lars_optimizer* optimizer = nullptr;
    std::int32_t status = lars_create(&optimizer);
    std::size_t offset = 0;
    for (const lars_bench::Tensor& tensor : model.tensors) {
      const auto ndim = static_cast<std::uint32_t>(tensor.shape.size());
      status |=
          lars_add_parameter(optimizer, tensor.name.c_str(), LARS_F32, ndim, tensor.shape.data(), nullptr);
      w.push_back(parameters.data() + offset);
      g.push_back(gradients.data() + offset);
      offset += static_cast<std::size_t>(tensor.count);
    }
    status |= lars_set(optimizer, nullptr, LARS_LEARNING_RATE, 0.1);
    status |= lars_set(optimizer, nullptr, LARS_WEIGHT_DECAY, 1e-4);
    status |= lars_set_threads(optimizer, 1);
    status |= lars_set_kernels(optimizer, argv[2]);
    if (std::string_view(argv[3]) == "count" && status == LARS_OK) fmt::print("{}\n", count);
    for (long i = 0; i < std::strtol(argv[3], nullptr, 10); ++i)
      status |= lars_step(optimizer, w.data(), g.data());
    if (status != LARS_OK) fmt::print(stderr, "lars-steps: {}\n", lars_error_message(optimizer));
    lars_destroy(optimizer);
    return status == LARS_OK ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lars-steps: {}\n", error.what());
    return 1;
  }
}
