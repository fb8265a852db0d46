// Compares every layer's backward pass with central differences, in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "batch_norm.hpp"
#include "convolution.hpp"
#include "dataset.hpp"
#include "dense.hpp"
#include "loss.hpp"
#include "max_pool.hpp"
#include "network.hpp"
#include "relu.hpp"

namespace large_batch {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-7;

std::vector<double> random_vector(std::size_t size, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> values(size);
  for (double& value : values) value = normal(random);
  return values;
}

// The scalar that is differentiated: the outputs' dot product with fixed weights.
double weighted_output(Layer<double>& layer, const std::vector<double>& input,
                       const std::vector<double>& weights, std::size_t images) {
  std::vector<double> output(weights.size());
  layer.forward(input.data(), output.data(), images, Mode::train);
  double sum = 0.0;
  for (std::size_t i = 0; i < output.size(); ++i) sum += output[i] * weights[i];
  return sum;
}

template <typename Function>
void expect_gradient(std::vector<double>& values, const std::vector<double>& gradient,
                     const Function& function, const std::string& what) {
  ASSERT_EQ(values.size(), gradient.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = function();
    values[i] = value - kStep;
    const double below = function();
    values[i] = value;
    const double expected = (above - below) / (2.0 * kStep);
    ASSERT_NEAR(gradient[i], expected, kTolerance * std::max(1.0, std::abs(expected)))
        << what << " [" << i << "]";
  }
}

void check_layer(Layer<double>& layer, std::size_t images) {
  std::mt19937_64 random(7);
  std::vector<double> input = random_vector(images * layer.input_size(), random);
  const std::vector<double> weights = random_vector(images * layer.output_size(), random);
  // Scales and biases as they start, 1 and 0, would hide mistakes.
  for (Parameter<double>* parameter : layer.parameters()) {
    parameter->value = random_vector(parameter->value.size(), random);
  }
  const auto function = [&] { return weighted_output(layer, input, weights, images); };

  function();
  std::vector<double> input_gradient(input.size());
  layer.backward(input.data(), weights.data(), input_gradient.data(), images);
  expect_gradient(input, input_gradient, function, "input");
  for (Parameter<double>* parameter : layer.parameters()) {
    expect_gradient(parameter->value, parameter->gradient, function, parameter->name);
  }

  // Gradients add up, also where no input gradient is wanted.
  std::vector<std::vector<double>> once;
  for (Parameter<double>* parameter : layer.parameters()) once.push_back(parameter->gradient);
  function();
  layer.backward(input.data(), weights.data(), nullptr, images);
  const std::vector<Parameter<double>*> parameters = layer.parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    for (std::size_t i = 0; i < once[p].size(); ++i) {
      ASSERT_NEAR(parameters[p]->gradient[i], 2.0 * once[p][i], 1e-9 * std::max(1.0, std::abs(once[p][i])));
    }
  }
}

TEST(Gradient, Dense) {
  std::mt19937_64 random(1);
  Dense<double> with_bias("dense", 6, 5, Bias::zero, random);
  check_layer(with_bias, 4);
  Dense<double> without_bias("dense", 6, 5, Bias::none, random);
  check_layer(without_bias, 4);
  EXPECT_EQ(without_bias.parameters().size(), 1U);
}

TEST(Gradient, Relu) {
  Relu<double> relu(7);
  check_layer(relu, 3);
}

TEST(Gradient, BatchNormOfVectors) {
  BatchNorm<double> norm("norm", 1, 5);
  check_layer(norm, 6);
}

TEST(Gradient, BatchNormOfPictures) {
  BatchNorm<double> norm("norm", 6, 3);
  check_layer(norm, 4);
}

TEST(Gradient, Convolution) {
  std::mt19937_64 random(1);
  Convolution<double> convolution("conv", {6, 7, 2}, 3, 4, random);
  check_layer(convolution, 3);
}

// More images than are unfolded at once.
TEST(Gradient, ConvolutionInPieces) {
  std::mt19937_64 random(1);
  Convolution<double> convolution("conv", {12, 12, 3}, 5, 1, random);
  check_layer(convolution, 8);
}

TEST(Gradient, MaxPool) {
  MaxPool<double> pool({4, 6, 3});
  check_layer(pool, 2);
}

TEST(Gradient, SoftmaxCrossEntropy) {
  std::mt19937_64 random(1);
  constexpr std::size_t kImages = 5;
  std::vector<double> logits = random_vector(kImages * kClasses, random);
  logits[0] = 800.0;  // its exponential overflows
  const std::vector<std::uint8_t> labels = {0, 3, 9, 3, 1};
  const auto mean_loss = [&] {
    return softmax_cross_entropy<double>(logits.data(), labels.data(), kImages, kClasses, 0.0, nullptr).loss /
           kImages;
  };
  std::vector<double> gradient(logits.size());
  softmax_cross_entropy(logits.data(), labels.data(), kImages, kClasses, 1.0 / kImages, gradient.data());
  expect_gradient(logits, gradient, mean_loss, "logits");
}

// A sample of all parameters of a whole network: that layers are joined correctly.
void check_network(Network<double> network) {
  constexpr std::size_t kImages = 6;
  std::mt19937_64 random(3);
  const std::vector<double> input = random_vector(kImages * kImageSize, random);
  const std::vector<std::uint8_t> labels = {0, 1, 2, 3, 4, 9};
  const auto loss = [&] {
    const double* logits = network.forward(input.data(), kImages, Mode::train);
    return softmax_cross_entropy<double>(logits, labels.data(), kImages, kClasses, 0.0, nullptr).loss /
           kImages;
  };
  const double* logits = network.forward(input.data(), kImages, Mode::train);
  std::vector<double> logit_gradient(kImages * kClasses);
  softmax_cross_entropy(logits, labels.data(), kImages, kClasses, 1.0 / kImages, logit_gradient.data());
  network.backward(input.data(), logit_gradient.data(), kImages);

  constexpr double kSmallStep = 1e-6;  // so small that hardly any ReLU or maximum changes sides
  for (Parameter<double>* parameter : network.parameters()) {
    for (std::size_t i = 0; i < parameter->value.size(); i += 1 + parameter->value.size() / 5) {
      const double value = parameter->value[i];
      parameter->value[i] = value + kSmallStep;
      const double above = loss();
      parameter->value[i] = value - kSmallStep;
      const double below = loss();
      parameter->value[i] = value;
      EXPECT_NEAR(parameter->gradient[i], (above - below) / (2.0 * kSmallStep), 1e-6)
          << parameter->name << " " << i;
    }
  }
}

TEST(Gradient, Mlp) {
  std::mt19937_64 random(5);
  check_network(make_mlp<double>(random));
}

TEST(Gradient, Lenet) {
  std::mt19937_64 random(5);
  check_network(make_lenet<double>(random));
}

TEST(BatchNorm, EvaluatesWithRunningStatistics) {
  BatchNorm<double> norm("norm", 1, 1);
  const std::vector<double> input = {1.0, 3.0};
  std::vector<double> output(2);
  for (int i = 0; i < 400; ++i) norm.forward(input.data(), output.data(), 2, Mode::train);
  EXPECT_NEAR(output[1], 1.0, 1e-4);
  norm.forward(input.data(), output.data(), 2, Mode::evaluate);
  EXPECT_NEAR(output[1], 1.0 / std::sqrt(2.0), 1e-4);  // by the population's variance, estimated with n - 1
}

}  // namespace
}  // namespace large_batch
