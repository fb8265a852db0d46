// The forms of a step, the order of tensors and the alignment of buffers make no difference, to the bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

Trainee make_trainee(std::int32_t dtype) {
  Trainee trainee(assorted_tensors(dtype));
  trainee.set(LARS_LEARNING_RATE, 5.0);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  trainee.set(LARS_NESTEROV, 1, "conv.*");
  return trainee;
}

class Forms : public testing::TestWithParam<std::int32_t> {
 protected:
  /// Parameters after three calls of lars_step.
  [[nodiscard]] std::vector<Bytes> stepped() const {
    Trainee trainee = make_trainee(GetParam());
    for (std::uint64_t step = 0; step < 3; ++step) {
      trainee.draw_gradients(step);
      EXPECT_EQ(trainee.step(), LARS_OK);
    }
    return trainee.parameters;
  }
};

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_P(Forms, FlatEqualsStep) {
  Trainee trainee = make_trainee(GetParam());
  Bytes parameters = joined(trainee.parameters);
  for (std::uint64_t step = 0; step < 3; ++step) {
    trainee.draw_gradients(step);
    const Bytes gradients = joined(trainee.gradients);
    ASSERT_EQ(lars_step_flat(trainee.get(), parameters.data(), gradients.data()), LARS_OK);
  }
  EXPECT_EQ(parameters, joined(stepped()));
}

TEST_P(Forms, ParameterByParameterEqualsStep) {
  Trainee trainee = make_trainee(GetParam());
  const auto count = static_cast<std::uint32_t>(trainee.parameters.size());
  for (std::uint64_t step = 0; step < 3; ++step) {
    trainee.draw_gradients(step);
    for (std::uint32_t k = 0; k < count; ++k) {
      const std::uint32_t i = count - 1 - k;  // backwards, as backpropagation yields them
      ASSERT_EQ(
          lars_step_parameter(trainee.get(), i, trainee.parameters[i].data(), trainee.gradients[i].data()),
          LARS_OK);
    }
  }
  EXPECT_EQ(trainee.parameters, stepped());
}

TEST_P(Forms, UpdatePlusAdditionEqualsStep) {
  Trainee trainee = make_trainee(GetParam());
  std::vector<Bytes> updates = trainee.parameters;
  for (std::uint64_t step = 0; step < 3; ++step) {
    trainee.draw_gradients(step);
    std::vector<const void*> w;
    std::vector<const void*> g;
    std::vector<void*> delta;
    for (std::size_t i = 0; i < updates.size(); ++i) {
      w.push_back(trainee.parameters[i].data());
      g.push_back(trainee.gradients[i].data());
      delta.push_back(updates[i].data());
    }
    const std::vector<Bytes> before = trainee.parameters;
    ASSERT_EQ(lars_update(trainee.get(), w.data(), g.data(), delta.data()), LARS_OK);
    EXPECT_EQ(trainee.parameters, before);
    for (std::size_t t = 0; t < updates.size(); ++t) {
      const TensorSpec& spec = trainee.specs()[t];
      for (std::size_t i = 0; i < spec.count(); ++i) {
        // The sum of two binary32 values in binary64, narrowed, is their binary32 sum.
        set_element(spec, trainee.parameters[t], i,
                    element(spec, trainee.parameters[t], i) + element(spec, updates[t], i));
      }
    }
  }
  EXPECT_EQ(trainee.parameters, stepped());
}

TEST_P(Forms, OrderOfTensorsMakesNoDifference) {
  std::vector<TensorSpec> reversed = assorted_tensors(GetParam());
  std::reverse(reversed.begin(), reversed.end());
  Trainee forward = make_trainee(GetParam());
  Trainee backward(reversed);
  backward.set(LARS_LEARNING_RATE, 5.0);
  backward.set(LARS_WEIGHT_DECAY, 0.01);
  backward.set(LARS_NESTEROV, 1, "conv.*");
  backward.parameters = forward.parameters;
  std::reverse(backward.parameters.begin(), backward.parameters.end());
  for (std::uint64_t step = 0; step < 3; ++step) {
    forward.draw_gradients(step);
    backward.gradients = forward.gradients;
    std::reverse(backward.gradients.begin(), backward.gradients.end());
    ASSERT_EQ(forward.step(), LARS_OK);
    ASSERT_EQ(backward.step(), LARS_OK);
  }
  std::reverse(backward.parameters.begin(), backward.parameters.end());
  EXPECT_EQ(backward.parameters, forward.parameters);
}

TEST_P(Forms, AlignmentMakesNoDifference) {
  const std::vector<Bytes> expected = stepped();
  const std::size_t element_bytes = GetParam() == LARS_F32 ? 4 : 8;
  for (std::size_t shift = 1; shift <= 5; shift += 2) {
    Trainee trainee = make_trainee(GetParam());
    const std::size_t count = trainee.parameters.size();
    std::vector<Bytes> shifted_w(count);
    std::vector<Bytes> shifted_g(count);
    std::vector<void*> w(count);
    std::vector<const void*> g(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t offset = shift * element_bytes;
      shifted_w[i].resize(offset);
      shifted_w[i].insert(shifted_w[i].end(), trainee.parameters[i].begin(), trainee.parameters[i].end());
      shifted_g[i].resize(trainee.gradients[i].size() + 2 * offset);
      w[i] = shifted_w[i].data() + offset;
      g[i] = shifted_g[i].data() + 2 * offset;
    }
    for (std::uint64_t step = 0; step < 3; ++step) {
      trainee.draw_gradients(step);
      for (std::size_t i = 0; i < count; ++i) {
        std::copy(trainee.gradients[i].begin(), trainee.gradients[i].end(),
                  shifted_g[i].begin() + static_cast<std::ptrdiff_t>(2 * shift * element_bytes));
      }
      ASSERT_EQ(lars_step(trainee.get(), w.data(), g.data()), LARS_OK);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes result(shifted_w[i].begin() + static_cast<std::ptrdiff_t>(shift * element_bytes),
                         shifted_w[i].end());
      EXPECT_EQ(result, expected[i]) << trainee.specs()[i].name << " shifted by " << shift << " elements";
    }
  }
}

TEST_P(Forms, MixAndCountEachTensorsOwnSteps) {
  Trainee trainee = make_trainee(GetParam());
  ASSERT_EQ(trainee.step(), LARS_OK);
  ASSERT_EQ(lars_step_parameter(trainee.get(), 2, trainee.parameters[2].data(), trainee.gradients[2].data()),
            LARS_OK);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 1U);
  EXPECT_EQ(lars_parameter_step_count(trainee.get(), 2, &steps), LARS_OK);
  EXPECT_EQ(steps, 2U);
  EXPECT_EQ(lars_parameter_step_count(trainee.get(), 1, &steps), LARS_OK);
  EXPECT_EQ(steps, 1U);
}

INSTANTIATE_TEST_SUITE_P(ElementTypes, Forms, testing::Values(LARS_F32, LARS_F64),
                         [](const auto& dtype) { return dtype.param == LARS_F32 ? "F32" : "F64"; });

TEST(MixedElementTypes, ShareAFlatBuffer) {
  const std::vector<TensorSpec> specs = {{"a", LARS_F64, {3}}, {"b", LARS_F32, {5}}};
  Trainee separate(specs);
  separate.set(LARS_LEARNING_RATE, 1.0);
  Trainee flat(specs);
  flat.set(LARS_LEARNING_RATE, 1.0);
  Bytes parameters = joined(flat.parameters);
  const Bytes gradients = joined(flat.gradients);
  ASSERT_EQ(separate.step(), LARS_OK);
  ASSERT_EQ(lars_step_flat(flat.get(), parameters.data(), gradients.data()), LARS_OK);
  EXPECT_EQ(parameters, joined(separate.parameters));
}

TEST(NoParameters, StepIsANoOp) {
  const OptimizerHandle optimizer = make_optimizer();
  EXPECT_EQ(lars_step(optimizer.get(), nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_step_flat(optimizer.get(), nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_update(optimizer.get(), nullptr, nullptr, nullptr), LARS_OK);
  std::uint64_t steps = 99;
  EXPECT_EQ(lars_step_count(optimizer.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 0U);
}

TEST(EmptyTensors, NeedNoMemoryAndHaveRatioOne) {
  Trainee trainee({{"empty", LARS_F32, {0, 7}}, {"other", LARS_F32, {2}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  void* w[] = {nullptr, trainee.parameters[1].data()};
  const void* g[] = {nullptr, trainee.gradients[1].data()};
  ASSERT_EQ(lars_step(trainee.get(), w, g), LARS_OK) << lars_error_message(trainee.get());
  double weight_norm = 9;
  double trust_ratio = 9;
  ASSERT_EQ(lars_norms(trainee.get(), 0, &weight_norm, nullptr, &trust_ratio), LARS_OK);
  EXPECT_EQ(weight_norm, 0.0);
  EXPECT_EQ(trust_ratio, 1.0);
}

TEST(EmptyTensors, AloneNeedNoFlatBuffer) {
  Trainee trainee({{"empty", LARS_F64, {0}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  EXPECT_EQ(lars_step_flat(trainee.get(), nullptr, nullptr), LARS_OK) << lars_error_message(trainee.get());
  EXPECT_EQ(lars_step_parameter(trainee.get(), 0, nullptr, nullptr), LARS_OK);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 2U);
}

TEST(Gradients, MayShareMemory) {
  Trainee trainee({{"a", LARS_F32, {4}}, {"b", LARS_F32, {4}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  void* w[] = {trainee.parameters[0].data(), trainee.parameters[1].data()};
  const void* g[] = {trainee.gradients[0].data(), trainee.gradients[0].data()};
  EXPECT_EQ(lars_step(trainee.get(), w, g), LARS_OK) << lars_error_message(trainee.get());
}

}  // namespace
}  // namespace lars_test
