// What all layers have in common: a forward pass, a backward pass, parameters.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace large_batch {

// `train` normalises with the statistics of the images at hand, `evaluate` with the running ones.
enum class Mode { train, evaluate };

template <typename T>
struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<T> value;
  std::vector<T> gradient;
};

template <typename T>
class Layer {
 public:
  virtual ~Layer() = default;

  // Elements per image.
  [[nodiscard]] virtual std::size_t input_size() const = 0;
  [[nodiscard]] virtual std::size_t output_size() const = 0;

  virtual void forward(const T* input, T* output, std::size_t images, Mode mode) = 0;

  // Follows the forward pass, in mode `train`, of the same input. Adds to the parameters' gradients, so that
  // those of a large batch can be summed piece by piece, and writes input_gradient unless it is null (the
  // first layer needs none).
  virtual void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) = 0;

  virtual std::vector<Parameter<T>*> parameters() { return {}; }
};

template <typename T>
Parameter<T> make_parameter(std::string name, std::vector<std::int64_t> shape, T value) {
  std::size_t size = 1;
  for (const std::int64_t extent : shape) size *= static_cast<std::size_t>(extent);
  return {std::move(name), std::move(shape), std::vector<T>(size, value), std::vector<T>(size, T{0})};
}

// He et al. 2015 (arXiv:1502.01852): keeps the variance of activations through layers with ReLU.
template <typename T>
void initialise_he(Parameter<T>& weight, std::size_t fan_in, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0.0, std::sqrt(2.0 / static_cast<double>(fan_in)));
  for (T& value : weight.value) value = static_cast<T>(normal(random));
}

}  // namespace large_batch
