// The optimizers into which fuzzed checkpoints are loaded, and of which the seeds are checkpoints.
#pragma once

#include <array>
#include <iterator>

#include "fuzz.h"

namespace lars_fuzz {

constexpr int kKinds = 2;

/// Two small parameters with their tensors: of kind 0 F32 and F16, of kind 1 F64 and BF16.
struct Handle {
  lars_optimizer* optimizer = nullptr;
  std::array<double, 6> first = {};  // memory for any type
  std::array<double, 2> second = {};
  std::array<double, 6> first_gradient = {};
  std::array<double, 2> second_gradient = {};

  explicit Handle(int kind) {
    const std::int64_t shape[] = {2, 3};
    const std::int64_t three = 3;
    std::int32_t status = lars_create(&optimizer);
    if (kind == 0) {
      status |= lars_add_parameter(optimizer, "w", LARS_F32, 2, shape, nullptr);
      status |= lars_add_parameter(optimizer, "h", LARS_F16, 0, nullptr, nullptr);
    } else {
      status |= lars_add_parameter(optimizer, "d", LARS_F64, 1, &three, nullptr);
      status |= lars_add_parameter(optimizer, "b", LARS_BF16, 1, &three, nullptr);
    }
    status |= lars_set(optimizer, nullptr, LARS_LEARNING_RATE, 0.1);
    require(status == LARS_OK, "the handle is set up");
    std::memset(first.data(), 0x3c, sizeof first);  // some number of every type
    std::memset(second.data(), 0x3c, sizeof second);
    std::memset(first_gradient.data(), 0x3b, sizeof first_gradient);
    std::memset(second_gradient.data(), 0x3b, sizeof second_gradient);
  }
  ~Handle() { lars_destroy(optimizer); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&&) = delete;
  Handle& operator=(Handle&&) = delete;

  std::int32_t step() {
    void* parameters[] = {first.data(), second.data()};
    const void* gradients[] = {first_gradient.data(), second_gradient.data()};
    return lars_step(optimizer, parameters, gradients);
  }
  std::int32_t accumulate() {
    const void* parameters[] = {first.data(), second.data()};
    const void* gradients[] = {first_gradient.data(), second_gradient.data()};
    return lars_accumulate(optimizer, parameters, gradients);
  }
  std::int32_t step_accumulated() {
    void* parameters[] = {first.data(), second.data()};
    return lars_step_accumulated(optimizer, parameters);
  }
};

}  // namespace lars_fuzz
