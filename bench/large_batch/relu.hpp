// Rectified linear unit: y = max(x, 0).
#pragma once

#include "layer.hpp"

namespace large_batch {

template <typename T>
class Relu final : public Layer<T> {
 public:
  explicit Relu(std::size_t size) : size_(size) {}

  [[nodiscard]] std::size_t input_size() const override { return size_; }
  [[nodiscard]] std::size_t output_size() const override { return size_; }

  void forward(const T* input, T* output, std::size_t images, Mode) override {
    // In this form a NaN passes on: it must not be hidden.
    for (std::size_t i = 0; i < images * size_; ++i) output[i] = input[i] < T{0} ? T{0} : input[i];
  }

  void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) override {
    if (input_gradient == nullptr) return;
    for (std::size_t i = 0; i < images * size_; ++i) {
      const T gradient = output_gradient[i];  // read in any case, so that the loop has no branch
      input_gradient[i] = input[i] > T{0} ? gradient : T{0};
    }
  }

 private:
  std::size_t size_;
};

}  // namespace large_batch
