// Trains a small model with lars.hpp: layers with tensors of their own. examples/README.md has the task.
// Usage: train IMAGES LABELS, files in IDX format, gzipped or not.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <lars/lars.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "task.hpp"

namespace {

using task::kBatch;
using task::kEpochs;
using task::kHidden;
using task::kImages;
using task::kInputs;
using task::kOutputs;
using Vector = std::vector<float>;

/// Inputs times weights (inputs x outputs) plus biases, and the gradients of both.
class Layer {
 public:
  Layer(std::size_t inputs, std::size_t outputs, std::uint64_t& state)
      : weight(inputs * outputs),
        bias(outputs),
        weight_gradient(weight.size()),
        bias_gradient(outputs),
        inputs_(inputs) {
    for (float& one : weight) one = task::next_weight(state, inputs);
  }

  [[nodiscard]] Vector forward(const Vector& x) const {
    Vector y = bias;
    for (std::size_t i = 0; i < inputs_; ++i) {
      if (x[i] == 0.0F) continue;
      for (std::size_t j = 0; j < y.size(); ++j) y[j] += x[i] * weight[i * y.size() + j];
    }
    return y;
  }

  /// Adds to the gradients, and returns that of the input.
  Vector backward(const Vector& x, const Vector& slope) {
    Vector input_slope(inputs_);
    for (std::size_t j = 0; j < slope.size(); ++j) bias_gradient[j] += slope[j];
    for (std::size_t i = 0; i < inputs_; ++i) {
      for (std::size_t j = 0; j < slope.size(); ++j) {
        weight_gradient[i * slope.size() + j] += x[i] * slope[j];
        input_slope[i] += weight[i * slope.size() + j] * slope[j];
      }
    }
    return input_slope;
  }

  void clear_gradients() {
    std::fill(weight_gradient.begin(), weight_gradient.end(), 0.0F);
    std::fill(bias_gradient.begin(), bias_gradient.end(), 0.0F);
  }

  void add_to(lars::Optimizer& optimizer, const std::string& name) const {
    const auto inputs = static_cast<std::int64_t>(inputs_);
    const auto outputs = static_cast<std::int64_t>(bias.size());
    optimizer.add_parameter(name + ".weight", lars::Type::f32, {inputs, outputs});
    optimizer.add_parameter(name + ".bias", lars::Type::f32, {outputs});
  }

  Vector weight, bias, weight_gradient, bias_gradient;

 private:
  std::size_t inputs_;
};

/// Turns outputs into probabilities.
void softmax(Vector& y) {
  const float largest = *std::max_element(y.begin(), y.end());
  float sum = 0.0F;
  for (float& one : y) sum += one = std::exp(one - largest);
  for (float& one : y) one /= sum;
}

class Model {
 public:
  [[nodiscard]] Vector predict(const Vector& image, Vector& hidden) const {
    hidden = first_.forward(image);
    for (float& one : hidden) one = std::max(one, 0.0F);
    Vector y = second_.forward(hidden);
    softmax(y);
    return y;
  }

  /// Adds what one image contributes to the gradient of the batch's mean loss.
  void add_gradients(const Vector& image, unsigned char label) {
    Vector hidden;
    Vector slope = predict(image, hidden);
    slope[label] -= 1.0F;
    for (float& one : slope) one /= static_cast<float>(kBatch);
    Vector hidden_slope = second_.backward(hidden, slope);
    for (std::size_t i = 0; i < kHidden; ++i) hidden_slope[i] = hidden[i] > 0.0F ? hidden_slope[i] : 0.0F;
    first_.backward(image, hidden_slope);
  }

  void clear_gradients() {
    first_.clear_gradients();
    second_.clear_gradients();
  }

  void add_to(lars::Optimizer& optimizer) const {
    first_.add_to(optimizer, "layer1");
    second_.add_to(optimizer, "layer2");
  }

  void step(lars::Optimizer& optimizer) {
    optimizer.step(
        {first_.weight, first_.bias, second_.weight, second_.bias},
        {first_.weight_gradient, first_.bias_gradient, second_.weight_gradient, second_.bias_gradient});
  }

 private:
  std::uint64_t state_ = task::kSeed;
  Layer first_{kInputs, kHidden, state_};
  Layer second_{kHidden, kOutputs, state_};
};

lars::Optimizer make_optimizer(const Model& model) {
  lars::Optimizer optimizer;
  model.add_to(optimizer);
  optimizer.set(lars::Key::weight_decay, 1e-4);
  optimizer.set(lars::Key::trust_coefficient, 0.01);
  optimizer.set(lars::Key::learning_rate, lars::Schedule::cosine_decay(2.0, task::kSteps));
  optimizer.set("*.bias", lars::Key::weight_decay_mask, 0);
  optimizer.set("*.bias", lars::Key::trust_ratio_mask, 0);
  optimizer.set("*.bias", lars::Key::learning_rate, lars::Schedule::cosine_decay(0.2, task::kSteps));
  return optimizer;
}

void report(const Model& model, const std::vector<Vector>& images, const std::vector<unsigned char>& labels) {
  double loss = 0.0;
  int right = 0;
  for (std::size_t i = 0; i < kImages; ++i) {
    Vector hidden;
    const Vector y = model.predict(images[i], hidden);
    loss -= std::log(static_cast<double>(y[labels[i]]));
    right += std::max_element(y.begin(), y.end()) - y.begin() == labels[i] ? 1 : 0;
  }
  std::printf("final loss %.4f, accuracy %.4f\n", loss / kImages, static_cast<double>(right) / kImages);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: train IMAGES LABELS");
    const std::vector<Vector> images = task::read_images(argv[1]);
    const std::vector<unsigned char> labels = task::read_labels(argv[2]);
    Model model;
    lars::Optimizer optimizer = make_optimizer(model);
    for (std::size_t epoch = 0; epoch < kEpochs; ++epoch) {
      for (std::size_t first = 0; first < kImages; first += kBatch) {
        model.clear_gradients();
        for (std::size_t i = first; i < first + kBatch; ++i) model.add_gradients(images[i], labels[i]);
        model.step(optimizer);
      }
    }
    report(model, images, labels);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return 1;
  }
}
