// Maximum over non-overlapping 2 x 2 squares, channel by channel.
#pragma once

#include "convolution.hpp"

namespace large_batch {

template <typename T>
class MaxPool final : public Layer<T> {
 public:
  // Height and width of the input must be even.
  explicit MaxPool(Picture input)
      : input_(input), output_{input.height / 2, input.width / 2, input.channels} {}

  [[nodiscard]] std::size_t input_size() const override { return input_.size(); }
  [[nodiscard]] std::size_t output_size() const override { return output_.size(); }
  [[nodiscard]] Picture output_picture() const { return output_; }
  void forward(const T* input, T* output, std::size_t images, Mode mode) override;
  void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) override;

 private:
  Picture input_;
  Picture output_;
};

}  // namespace large_batch
