// lars-steps MODEL KERNELS STEPS [STEP]: so many steps on one thread, for tools that count instructions. With
// "count" for STEPS it prints the model's number of parameters instead, and fails if the processor has no
// such kernels. STEP: what kind of step, one of kSteps; else the plain one.
#include <fmt/format.h>
#include <lars/lars.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace {

struct Step {
  std::string_view name;
  std::int32_t (*set)(lars_optimizer* optimizer);
};

template <std::int32_t variant>
std::int32_t set_variant(lars_optimizer* optimizer) {
  return lars_set_variant(optimizer, variant);
}

void observe(void* /*user*/, std::int32_t /*status*/, std::uint64_t /*steps*/, std::uint32_t /*count*/,
             std::uint32_t /*quantity_count*/, const double* const* /*quantities*/) {}

constexpr Step kSteps[] = {
    {"plain", [](lars_optimizer*) { return LARS_OK; }},
    {"paper", set_variant<LARS_VARIANT_PAPER>},
    {"torch", set_variant<LARS_VARIANT_TORCH>},
    {"larc", set_variant<LARS_VARIANT_LARC>},
    {"barlow", set_variant<LARS_VARIANT_BARLOW>},
    {"tf", set_variant<LARS_VARIANT_TF>},
    {"nesterov", [](lars_optimizer* x) { return lars_set(x, nullptr, LARS_NESTEROV, 1); }},
    {"observer", [](lars_optimizer* x) { return lars_set_observer(x, observe, nullptr); }},
    {"gradient_norms", [](lars_optimizer* x) { return lars_set_gradient_norms(x, 1); }},
    {"global_clip", [](lars_optimizer* x) { return lars_set_gradient_clip(x, 1e-3); }},  // which takes hold
    {"value_clip", [](lars_optimizer* x) { return lars_set(x, nullptr, LARS_CLIP_VALUE, 1e-3); }},
};

/// LARS_ERR_ARGUMENT, with the names, if there is no such step.
std::int32_t set_step(lars_optimizer* optimizer, std::string_view name) {
  for (const Step& step : kSteps) {
    if (step.name == name) return step.set(optimizer);
  }
  fmt::print(stderr, "lars-steps: no step is called {}; there are:", name);
  for (const Step& step : kSteps) fmt::print(stderr, " {}", step.name);
  fmt::print(stderr, "\n");
  return LARS_ERR_ARGUMENT;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    fmt::print(stderr, "usage: lars-steps MODEL KERNELS STEPS [STEP]\n");
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
    status |= set_step(optimizer, argc == 5 ? argv[4] : "plain");
    if (std::string_view(argv[3]) == "count" && status == LARS_OK) fmt::print("{}\n", count);
    for (long i = 0; i < std::strtol(argv[3], nullptr, 10); ++i)
      status |= lars_step(optimizer, w.data(), g.data());
    const std::string_view message = lars_error_message(optimizer);
    if (status != LARS_OK && !message.empty()) fmt::print(stderr, "lars-steps: {}\n", message);
    lars_destroy(optimizer);
    return status == LARS_OK ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lars-steps: {}\n", error.what());
    return 1;
  }
}
