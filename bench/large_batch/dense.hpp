// Fully connected layer: y = W x + b.
#pragma once

#include "layer.hpp"

namespace large_batch {

enum class Bias { none, zero };

template <typename T>
class Dense final : public Layer<T> {
 public:
  Dense(const std::string& name, std::size_t inputs, std::size_t outputs, Bias bias, std::mt19937_64& random);

  [[nodiscard]] std::size_t input_size() const override { return inputs_; }
  [[nodiscard]] std::size_t output_size() const override { return outputs_; }
  void forward(const T* input, T* output, std::size_t images, Mode mode) override;
  void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) override;
  std::vector<Parameter<T>*> parameters() override;

 private:
  std::size_t inputs_;
  std::size_t outputs_;
  bool has_bias_;
  Parameter<T> weight_;  // outputs x inputs
  Parameter<T> bias_;
};

}  // namespace large_batch
