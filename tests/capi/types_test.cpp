// Element types: 16-bit parameters with their masters, gradients of another type.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

constexpr std::size_t kCount = 5000;

/// A narrow trainee, and one in binary32 that starts from the same values and gets the same gradients: their
/// steps are computed alike, so the narrow parameters are the wide ones rounded, step by step.
struct Twins {
  Twins(std::int32_t parameter, std::int32_t gradient)
      : narrow({{"w", parameter, {kCount}}}), wide({{"w", LARS_F32, {kCount}}}), gradient_type(gradient) {
    EXPECT_EQ(lars_set_gradient_dtype(narrow.get(), "w", gradient), LARS_OK);
    for (Trainee* trainee : {&narrow, &wide}) {
      trainee->set(LARS_LEARNING_RATE, 0.3);
      trainee->set(LARS_WEIGHT_DECAY, 0.01);
    }
    for (std::size_t i = 0; i < kCount; ++i) copy_parameter(i);
  }

  void copy_parameter(std::size_t i) {
    set_element(wide.specs()[0], wide.parameters[0], i, narrow_parameter(i));
  }
  [[nodiscard]] double narrow_parameter(std::size_t i) const {
    return element(narrow.specs()[0], narrow.parameters[0], i);
  }
  [[nodiscard]] double wide_parameter(std::size_t i) const {
    return element(wide.specs()[0], wide.parameters[0], i);
  }

  void step(std::uint64_t seed) {
    const TensorSpec spec = {"g", gradient_type, {kCount}};
    narrow.gradients[0] = random_values(spec, seed, 0.1);
    for (std::size_t i = 0; i < kCount; ++i) {
      set_element(wide.specs()[0], wide.gradients[0], i, element(spec, narrow.gradients[0], i));
    }
    ASSERT_EQ(narrow.step(), LARS_OK) << lars_error_message(narrow.get());
    ASSERT_EQ(wide.step(), LARS_OK);
  }

  void expect_rounded() const {
    const std::int32_t type = narrow.specs()[0].dtype;
    for (std::size_t i = 0; i < kCount; ++i) {
      std::uint16_t rounded = 0;
      write_number(type, &rounded, 0, wide_parameter(i));
      ASSERT_EQ(narrow_parameter(i), read_number(type, &rounded, 0)) << i;
    }
  }

  void expect_equal_norms() const {
    double a[3];
    double b[3];
    EXPECT_EQ(lars_norms(narrow.get(), 0, &a[0], &a[1], &a[2]), LARS_OK);
    EXPECT_EQ(lars_norms(wide.get(), 0, &b[0], &b[1], &b[2]), LARS_OK);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(a[i], b[i]) << i;
  }

  Trainee narrow;
  Trainee wide;
  std::int32_t gradient_type;
};

class Narrow : public testing::TestWithParam<std::pair<std::int32_t, std::int32_t>> {};

TEST_P(Narrow, StepsAsItsMasterDoes) {
  Twins twins(GetParam().first, GetParam().second);
  const Bytes start = twins.narrow.parameters[0];
  for (std::uint64_t step = 0; step < 100; ++step) {
    twins.step(step);
    twins.expect_rounded();
    twins.expect_equal_norms();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  EXPECT_NE(twins.narrow.parameters[0], start);
}

/// Increments of less than half a unit of the parameter add up in the master.
TEST_P(Narrow, LosesNoSmallIncrement) {
  const auto [parameter, gradient] = GetParam();
  Trainee trainee({{"w", parameter, {1}}});
  ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), nullptr, gradient), LARS_OK);
  trainee.set(LARS_LEARNING_RATE, 0x1p-14);
  trainee.set(LARS_MOMENTUM, 0.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  set_element(trainee.specs()[0], trainee.parameters[0], 0, 1.0);
  trainee.gradients[0] = Bytes(size_of_type(gradient));
  write_number(gradient, trainee.gradients[0].data(), 0, -1.0);
  for (int step = 0; step < 1 << 14; ++step) ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), 2.0);
}

/// The caller may change a parameter between steps, and the step goes on from there.
TEST_P(Narrow, TakesAParameterChangedFromOutside) {
  const auto [parameter, gradient] = GetParam();
  Twins twins(parameter, gradient);
  twins.step(1);
  const TensorSpec& spec = twins.narrow.specs()[0];
  for (std::size_t i = 0; i < kCount; i += 3)
    set_element(spec, twins.narrow.parameters[0], i, 0.75 + double(i % 5));
  const Bytes changed = twins.narrow.parameters[0];
  for (Trainee* trainee : {&twins.narrow, &twins.wide}) {
    trainee->set(LARS_LEARNING_RATE, 0.0);  // so that the step shows what the library believes it has
    trainee->set(LARS_MOMENTUM, 0.0);
  }
  twins.step(2);
  EXPECT_EQ(twins.narrow.parameters[0], changed);
  double norm = 0.0;
  EXPECT_EQ(lars_norms(twins.narrow.get(), 0, &norm, nullptr, nullptr), LARS_OK);
  double expected = 0.0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double value = i % 3 == 0 ? 0.75 + double(i % 5) : twins.wide_parameter(i);
    expected += value * value;
  }
  EXPECT_NEAR(norm, std::sqrt(expected), 4e-3 * norm);
}

TEST_P(Narrow, SteppedToInfinityIsRefusedNext) {
  const auto [parameter, gradient] = GetParam();
  Trainee trainee({{"w", parameter, {2}}});
  ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), nullptr, gradient), LARS_OK);
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  const double large = parameter == LARS_F16 ? 60000.0 : 3e38;
  trainee.gradients[0] = Bytes(2 * size_of_type(gradient));
  for (std::size_t i = 0; i < 2; ++i) {
    set_element(trainee.specs()[0], trainee.parameters[0], i, large);
    write_number(gradient, trainee.gradients[0].data(), i, i == 0 ? -large / 2 : 0.0);
  }
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), INFINITY);
  const Bytes before = trainee.parameters[0];
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_NE(std::string(lars_error_message(trainee.get())).find("parameter 'w'"), std::string::npos);
  EXPECT_EQ(trainee.parameters[0], before);
}

INSTANTIATE_TEST_SUITE_P(Types, Narrow,
                         testing::Values(std::pair{LARS_F16, LARS_F16}, std::pair{LARS_F16, LARS_F32},
                                         std::pair{LARS_BF16, LARS_BF16}, std::pair{LARS_BF16, LARS_F32}),
                         [](const auto& instance) {
                           const auto name = [](std::int32_t type) {
                             return type == LARS_F16 ? "f16" : type == LARS_BF16 ? "bf16" : "f32";
                           };
                           return std::string(name(instance.param.first)) + "_" + name(instance.param.second);
                         });

TEST(GradientType, IsTheParametersOwnUntilSet) {
  for (const std::int32_t type : {LARS_F16, LARS_F32, LARS_F64, LARS_BF16}) {
    Trainee trainee({{"w", type, {2}}});
    std::int32_t gradient = 0;
    EXPECT_EQ(lars_gradient_dtype(trainee.get(), 0, &gradient), LARS_OK);
    EXPECT_EQ(gradient, type);
  }
}

TEST(GradientType, SetForAllHoldsForParametersAddedLater) {
  const OptimizerHandle optimizer = make_optimizer();
  ASSERT_EQ(lars_set_gradient_dtype(optimizer.get(), nullptr, LARS_F32), LARS_OK);
  for (const std::int32_t type : {LARS_F16, LARS_F32, LARS_BF16}) {
    ASSERT_EQ(lars_add_parameter(optimizer.get(), std::to_string(type).c_str(), type, 0, nullptr, nullptr),
              LARS_OK);
  }
  ASSERT_EQ(lars_set_gradient_dtype(optimizer.get(), std::to_string(LARS_F32).c_str(), LARS_BF16), LARS_OK);
  for (std::uint32_t i = 0; i < 3; ++i) {
    std::int32_t gradient = 0;
    EXPECT_EQ(lars_gradient_dtype(optimizer.get(), i, &gradient), LARS_OK);
    EXPECT_EQ(gradient, i == 1 ? LARS_BF16 : LARS_F32);
  }
}

TEST(GradientType, MayChangeBetweenSteps) {
  Trainee trainee({{"w", LARS_F32, {4}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_MOMENTUM, 0.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  trainee.parameters[0] = Bytes(16);
  for (const std::int32_t type : {LARS_F16, LARS_F32, LARS_BF16}) {
    ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), "w", type), LARS_OK);
    for (std::size_t i = 0; i < 4; ++i) write_number(type, trainee.gradients[0].data(), i, -0.5 * double(i));
    ASSERT_EQ(trainee.step(), LARS_OK);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], i), 1.5 * double(i));
  }
}

TEST(GradientType, MisalignedForItsOwnTypeIsRefused) {
  Trainee trainee({{"w", LARS_BF16, {4}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), nullptr, LARS_F32), LARS_OK);
  std::vector<float> gradient(5);
  EXPECT_EQ(lars_step_parameter(trainee.get(), 0, trainee.parameters[0].data(),
                                reinterpret_cast<std::byte*>(gradient.data()) + 2),
            LARS_ERR_ALIGNMENT);
}

}  // namespace
}  // namespace lars_test
