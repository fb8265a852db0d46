// The ways of docs/integrating.md to plug liblars into a trainer, each beside the plain way.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "capi/patterns/per_tensor.hpp"
#include "capi/patterns/trainer.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Integrating, DocumentHasThePatternsThatAreTested) {
  const std::string document = content(LARS_INTEGRATING);
  for (const char* pattern :
       {"flat_buffer.h", "negated_gradient.h", "per_tensor.hpp", "framework_gradients.h"}) {
    const std::string code = content(std::string(LARS_PATTERNS) + "/" + pattern);
    ASSERT_FALSE(code.empty()) << pattern;
    EXPECT_NE(document.find("\n" + code + "```"), std::string::npos) << pattern;
  }
}

std::vector<float> numbers(std::size_t count, float scale) {
  std::vector<float> all(count);
  for (std::size_t i = 0; i < count; ++i)
    all[i] = scale * static_cast<float>(static_cast<int>(i * 7 % 11) - 5);
  return all;
}

/// Stacked layers are layers of their own, each with its own trust ratio.
TEST(Integrating, StackedLayersInOneBuffer) {
  OptimizerHandle flat = make_optimizer();
  ASSERT_EQ(trainer_add_transformer(flat.get()), LARS_OK);
  OptimizerHandle plain = make_optimizer();
  OptimizerHandle whole = make_optimizer();
  const std::vector<std::int64_t> sizes = {20, 16, 16, 16, 4, 4, 4, 4};
  for (std::size_t i = 0; i < sizes.size(); ++i)
    ASSERT_EQ(lars_add_parameter(plain.get(), std::to_string(i).c_str(), LARS_F32, 1, &sizes[i], nullptr),
              LARS_OK);
  for (const auto& [name, size] :
       {std::pair{"embedding", std::int64_t{20}}, {"weights", 48}, {"biases", 12}, {"norm", 4}})
    ASSERT_EQ(lars_add_parameter(whole.get(), name, LARS_F32, 1, &size, nullptr), LARS_OK);
  std::vector<float> w = numbers(84, 0.5F);
  std::vector<float> expected = w;
  std::vector<float> other = w;
  const std::vector<float> g = numbers(84, 0.125F);
  for (lars_optimizer* one : {flat.get(), plain.get(), whole.get()})
    ASSERT_EQ(lars_set(one, nullptr, LARS_LEARNING_RATE, 5.0), LARS_OK);
  ASSERT_EQ(lars_set(flat.get(), "layer.*.attention.bias", LARS_TRUST_RATIO_MASK, 0), LARS_OK);
  for (const char* bias : {"4", "5", "6"})
    ASSERT_EQ(lars_set(plain.get(), bias, LARS_TRUST_RATIO_MASK, 0), LARS_OK);
  ASSERT_EQ(lars_step_flat(flat.get(), w.data(), g.data()), LARS_OK) << lars_error_message(flat.get());
  std::vector<void*> pointers;
  std::vector<const void*> gradients;
  std::size_t offset = 0;
  for (const std::int64_t size : sizes) {
    pointers.push_back(expected.data() + offset);
    gradients.push_back(g.data() + offset);
    offset += static_cast<std::size_t>(size);
  }
  ASSERT_EQ(lars_step(plain.get(), pointers.data(), gradients.data()), LARS_OK);
  EXPECT_EQ(w, expected);
  ASSERT_EQ(lars_step_flat(whole.get(), other.data(), g.data()), LARS_OK);
  EXPECT_NE(w, other);
}

TEST(Integrating, NegatedSumsOfGradients) {
  Trainee plain({{"w", LARS_F32, {30}}});
  Trainee negated({{"w", LARS_F32, {30}}});
  constexpr int kBatch = 8;
  for (Trainee* trainee : {&plain, &negated}) trainee->set(LARS_LEARNING_RATE, 1.0);
  ASSERT_EQ(trainer_expect_negated_sums(negated.get(), kBatch), LARS_OK);
  for (std::size_t i = 0; i < 30; ++i) {
    set_element(negated.specs()[0], negated.gradients[0], i,
                -kBatch * element(plain.specs()[0], plain.gradients[0], i));
  }
  ASSERT_EQ(plain.step(), LARS_OK);
  ASSERT_EQ(negated.step(), LARS_OK);
  EXPECT_EQ(plain.parameters, negated.parameters);
}

TEST(Integrating, TensorByTensorToldApartByTheirPlace) {
  std::vector<std::vector<float>> weights = {numbers(12, 0.5F), numbers(5, 0.25F)};
  std::vector<std::vector<float>> expected = weights;
  PerTensor per_tensor(2.0);
  lars::Optimizer plain;
  plain.set(lars::Key::learning_rate, 2.0);
  for (const std::vector<float>& one : weights) {
    per_tensor.add(one);
    plain.add_parameter(std::to_string(one.size()), lars::Type::f32, {static_cast<std::int64_t>(one.size())});
  }
  for (int step = 0; step < 3; ++step) {
    for (std::size_t i = weights.size(); i-- > 0;)
      per_tensor.update(numbers(weights[i].size(), 0.1F), weights[i]);
    plain.step({expected[0], expected[1]}, {numbers(12, 0.1F), numbers(5, 0.1F)});
  }
  EXPECT_EQ(weights, expected);
  EXPECT_EQ(per_tensor.optimizer().step_count(), 3U);
}

TEST(Integrating, GradientsThatTheFrameworkKeeps) {
  OptimizerHandle optimizer = make_optimizer();
  OptimizerHandle plain = make_optimizer();
  const std::int64_t elements = 6;
  for (lars_optimizer* one : {optimizer.get(), plain.get()}) {
    for (const char* name : {"first", "second"})
      ASSERT_EQ(lars_add_parameter(one, name, LARS_F32, 1, &elements, nullptr), LARS_OK);
    ASSERT_EQ(lars_set(one, nullptr, LARS_LEARNING_RATE, 3.0), LARS_OK);
  }
  std::vector<float> first = numbers(6, 0.5F);
  std::vector<float> second = numbers(6, 2.0F);
  std::vector<float> a = first;
  std::vector<float> b = second;
  for (int step = 0; step < 3; ++step) {
    ASSERT_EQ(trainer_step_framework(optimizer.get(), first.data(), second.data(), elements), LARS_OK);
    std::vector<float> ga = a;
    std::vector<float> gb = b;
    for (float& one : ga) one *= 0.25F;
    for (float& one : gb) one *= 0.25F;
    void* w[] = {a.data(), b.data()};
    const void* g[] = {ga.data(), gb.data()};
    ASSERT_EQ(lars_step(plain.get(), w, g), LARS_OK);
  }
  EXPECT_EQ(first, a);
  EXPECT_EQ(second, b);
}

}  // namespace
}  // namespace lars_test
