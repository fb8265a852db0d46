// Replays every golden case: liblars against what optax.lars computed, in both types and with all kernels.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "replay.h"

namespace lars_parity {
namespace {

/// How far liblars may be from optax's float64 result, in units of epsilon * ExpectedTensor::scale.
///
/// The blas kernels may be further: most ARM processors get a nrm2 from OpenBLAS that adds element after
/// element in the tensor's own type. Such roundings grow with the root of their number; the margin is about
/// twice what was seen.
template <class Real>
double allowed_units(const ExpectedTensor& expected, const std::string& kernels, std::size_t count) {
  constexpr double float64_limit = 4.0;
  constexpr double float32_margin = 1.0;
  const double blas_margin = kernels == "blas" ? 1.0 + std::sqrt(static_cast<double>(count)) / 4.0 : 0.0;
  return blas_margin + (sizeof(Real) == 8 ? float64_limit : expected.float32_error + float32_margin);
}

/// One value; the same NaN, the same infinity, or near enough.
bool agrees(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= tolerance;
}

/// Summed more precisely than in double, so that only the values' own errors are in it.
template <class Real>
double norm_of(const std::vector<Real>& values) {
  long double sum = 0.0L;
  for (const Real value : values) sum += static_cast<long double>(value) * static_cast<long double>(value);
  return static_cast<double>(std::sqrt(sum));
}

template <class Real>
void expect_tensor(const std::vector<Real>& actual, const ExpectedTensor& expected,
                   const std::string& kernels) {
  const double unit = static_cast<double>(std::numeric_limits<Real>::epsilon()) * expected.scale;
  const double tolerance = allowed_units<Real>(expected, kernels, actual.size()) * unit;
  const std::vector<std::size_t> indices = sampled_indices(actual.size());
  ASSERT_EQ(indices.size(), expected.values.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const double value = actual[indices[i]];
    EXPECT_TRUE(agrees(value, expected.values[i], tolerance))
        << "element " << indices[i] << ": liblars has " << value << ", optax " << expected.values[i] << ", "
        << std::abs(value - expected.values[i]) / unit << " units apart where " << tolerance / unit
        << " are allowed";
  }
  if (!expected.norm) return;
  const double norm_tolerance = tolerance * std::sqrt(static_cast<double>(actual.size()));
  EXPECT_TRUE(agrees(norm_of(actual), *expected.norm, norm_tolerance)) << "norm of the whole tensor";
}

/// A visitor of replay_*: compares the steps that the golden file holds.
template <class Real>
auto comparison(const GoldenCase& golden, const std::vector<ExpectedStep>& expected_steps,
                const std::string& kernels) {
  return [&golden, &expected_steps, &kernels](std::uint64_t step, const Buffers<Real>& buffers) {
    const auto found = std::find_if(expected_steps.begin(), expected_steps.end(),
                                    [step](const ExpectedStep& expected) { return expected.step == step; });
    if (found == expected_steps.end()) return;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const std::string& name = golden.tensors[i].name;
      SCOPED_TRACE(golden.name + ", tensor " + name + " after step " + std::to_string(step));
      expect_tensor(buffers[i], found->tensors.at(name), kernels);
    }
  };
}

template <class Real>
void expect_case(const GoldenCase& golden, const std::string& kernels) {
  ASSERT_FALSE(golden.updates.empty());
  ASSERT_FALSE(golden.parameters.empty());
  {
    SCOPED_TRACE("lars_update");
    replay_updates<Real>(golden, kernels, comparison<Real>(golden, golden.updates, kernels));
  }
  SCOPED_TRACE("lars_step");
  replay_steps<Real>(golden, kernels, comparison<Real>(golden, golden.parameters, kernels));
}

/// Group of cases, kernels.
class Golden : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Golden, Float64IsOptax) {
  const auto& [group, kernels] = GetParam();
  const std::vector<GoldenCase> cases = read_golden_cases(group);
  ASSERT_FALSE(cases.empty());
  for (const GoldenCase& golden : cases) expect_case<double>(golden, kernels);
}

TEST_P(Golden, Float32IsNoFurtherFromFloat64ThanOptax) {
  const auto& [group, kernels] = GetParam();
  const std::vector<GoldenCase> cases = read_golden_cases(group);
  ASSERT_FALSE(cases.empty());
  for (const GoldenCase& golden : cases) expect_case<float>(golden, kernels);
}

/// The golden files that hold cases to be met; deviations_test.cpp has the others.
const std::vector<std::string> groups = {"hyperparameters",
                                         "learning_rate_schedules",
                                         "weight_decay_schedules",
                                         "other_schedules",
                                         "masks",
                                         "zeros",
                                         "shapes",
                                         "combinations",
                                         "trajectories",
                                         "nonfinite"};
const std::vector<std::string> kernel_sets = {
    "reference",
#ifdef LARS_WITH_OPENBLAS
    "blas",
#endif
};

INSTANTIATE_TEST_SUITE_P(All, Golden,
                         testing::Combine(testing::ValuesIn(groups), testing::ValuesIn(kernel_sets)),
                         [](const auto& information) {
                           return std::get<0>(information.param) + "_" + std::get<1>(information.param);
                         });

}  // namespace
}  // namespace lars_parity
