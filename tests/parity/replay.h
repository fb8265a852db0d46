// A golden case through lars.h: what liblars computes where optax computed the expected values.
#pragma once

#include <string>
#include <vector>

#include "golden_case.h"

namespace lars_parity {

template <class Real>
constexpr std::int32_t dtype_of = sizeof(Real) == 4 ? LARS_F32 : LARS_F64;

template <class Real>
using Buffers = std::vector<std::vector<Real>>;  // one per tensor

template <class Real>
Buffers<Real> make_inputs(const GoldenCase& golden, Role role, std::uint64_t step) {
  Buffers<Real> buffers;
  for (const GoldenTensor& tensor : golden.tensors) {
    const Content& content = role == Role::parameter ? tensor.parameter : tensor.gradient;
    const std::vector<double> values =
        input_values(golden.name, tensor.name, role, content, step, tensor.count());
    std::vector<Real> buffer;
    for (const double value : values) buffer.push_back(static_cast<Real>(value));
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

/// Pointers for lars_step, NULL for tensors without elements. `Pointer` is void* or const void*.
template <class Pointer, class Real>
std::vector<Pointer> pointers_to(Buffers<Real>& buffers) {
  std::vector<Pointer> pointers;
  for (std::vector<Real>& buffer : buffers) pointers.push_back(buffer.empty() ? nullptr : buffer.data());
  return pointers;
}

/// An optimizer with the case's tensors and settings, ready to step.
template <class Real>
lars_test::OptimizerHandle make_optimizer(const GoldenCase& golden, const std::string& kernels) {
  lars_test::OptimizerHandle optimizer = lars_test::make_optimizer();
  for (const GoldenTensor& tensor : golden.tensors) {
    const auto ndim = static_cast<std::uint32_t>(tensor.shape.size());
    EXPECT_EQ(lars_add_parameter(optimizer.get(), tensor.name.c_str(), dtype_of<Real>, ndim,
                                 tensor.shape.data(), nullptr),
              LARS_OK)
        << lars_error_message(optimizer.get());
  }
  EXPECT_EQ(lars_set_kernels(optimizer.get(), kernels.c_str()), LARS_OK)
      << lars_error_message(optimizer.get());
  EXPECT_EQ(lars_set_nonfinite_policy(optimizer.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
  apply_settings(optimizer.get(), golden.settings);
  return optimizer;
}

/// Calls visit(step number from 1, updates) after every lars_update; parameters are fresh at every step.
template <class Real, class Visit>
void replay_updates(const GoldenCase& golden, const std::string& kernels, Visit visit) {
  const lars_test::OptimizerHandle optimizer = make_optimizer<Real>(golden, kernels);
  for (std::uint64_t step = 0; step < golden.steps; ++step) {
    Buffers<Real> parameters = make_inputs<Real>(golden, Role::parameter, step);
    Buffers<Real> gradients = make_inputs<Real>(golden, Role::gradient, step);
    Buffers<Real> updates = parameters;
    ASSERT_EQ(lars_update(optimizer.get(), pointers_to<const void*>(parameters).data(),
                          pointers_to<const void*>(gradients).data(), pointers_to<void*>(updates).data()),
              LARS_OK)
        << lars_error_message(optimizer.get());
    visit(step + 1, updates);
  }
}

/// Calls visit(step number from 1, parameters) after every lars_step in place.
template <class Real, class Visit>
void replay_steps(const GoldenCase& golden, const std::string& kernels, Visit visit) {
  const lars_test::OptimizerHandle optimizer = make_optimizer<Real>(golden, kernels);
  Buffers<Real> parameters = make_inputs<Real>(golden, Role::parameter, 0);
  for (std::uint64_t step = 0; step < golden.steps; ++step) {
    Buffers<Real> gradients = make_inputs<Real>(golden, Role::gradient, step);
    ASSERT_EQ(lars_step(optimizer.get(), pointers_to<void*>(parameters).data(),
                        pointers_to<const void*>(gradients).data()),
              LARS_OK)
        << lars_error_message(optimizer.get());
    visit(step + 1, parameters);
  }
}

}  // namespace lars_parity
