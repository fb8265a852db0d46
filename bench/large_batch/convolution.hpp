// Convolution without padding, stride 1, as matrix products over unfolded patches (im2col).
#pragma once

#include "layer.hpp"

namespace large_batch {

// A picture of height x width positions with `channels` values each; channels are the fastest dimension, so
// that the output of the product of patches and weights is the next layer's input as it is.
struct Picture {
  std::size_t height;
  std::size_t width;
  std::size_t channels;

  [[nodiscard]] std::size_t size() const { return height * width * channels; }
};

template <typename T>
class Convolution final : public Layer<T> {
 public:
  // Without a bias: batch normalisation follows, which would take it out again.
  Convolution(const std::string& name, Picture input, std::size_t kernel, std::size_t output_channels,
              std::mt19937_64& random);

  [[nodiscard]] std::size_t input_size() const override { return input_.size(); }
  [[nodiscard]] std::size_t output_size() const override { return output_.size(); }
  [[nodiscard]] Picture output_picture() const { return output_; }
  void forward(const T* input, T* output, std::size_t images, Mode mode) override;
  void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) override;
  std::vector<Parameter<T>*> parameters() override { return {&weight_}; }

 private:
  [[nodiscard]] std::size_t positions() const { return output_.height * output_.width; }
  [[nodiscard]] std::size_t patch_size() const { return kernel_ * kernel_ * input_.channels; }
  void unfold(const T* image, T* patches) const;
  void fold(const T* patches, T* image) const;

  Picture input_;
  std::size_t kernel_;
  Picture output_;
  Parameter<T> weight_;     // output channels x kernel x kernel x input channels
  std::vector<T> patches_;  // of a few images: positions x patch size for each
};

}  // namespace large_batch
