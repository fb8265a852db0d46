// Layers in a row, and the two networks that are trained here.
#pragma once

#include <memory>
#include <string>

#include "layer.hpp"

namespace large_batch {

template <typename T>
class Network {
 public:
  explicit Network(std::vector<std::unique_ptr<Layer<T>>> layers);

  // Returns the outputs of the last layer; they stay valid until the next call.
  const T* forward(const T* input, std::size_t images, Mode mode);

  // Follows forward in mode `train` with the same input, which must still be there; adds to the gradients.
  void backward(const T* input, const T* output_gradient, std::size_t images);

  // In order from input to output.
  std::vector<Parameter<T>*> parameters();

 private:
  std::vector<std::unique_ptr<Layer<T>>> layers_;
  std::vector<std::vector<T>> outputs_;  // of each layer
  std::vector<T> gradient_;
  std::vector<T> next_gradient_;
};

// 784-128-128-10 with batch normalisation and ReLU after each hidden layer.
template <typename T>
Network<T> make_mlp(std::mt19937_64& random);

// After LeNet-5 (LeCun et al. 1998), with ReLU, maximum pooling and batch normalisation.
template <typename T>
Network<T> make_lenet(std::mt19937_64& random);

}  // namespace large_batch
