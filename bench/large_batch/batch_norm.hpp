// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167) of `channels` over images and positions.
#pragma once

#include "layer.hpp"

namespace large_batch {

// The images of one forward call are one set of statistics. The trainer feeds a batch in pieces of a fixed
// size, the ghost batches of Hoffer et al. 2017 (arXiv:1705.08741): what is normalised then does not change
// with the batch size.
template <typename T>
class BatchNorm final : public Layer<T> {
 public:
  // An image is `positions` rows of `channels` values: channels are the fastest dimension.
  BatchNorm(const std::string& name, std::size_t positions, std::size_t channels);

  [[nodiscard]] std::size_t input_size() const override { return positions_ * channels_; }
  [[nodiscard]] std::size_t output_size() const override { return positions_ * channels_; }
  void forward(const T* input, T* output, std::size_t images, Mode mode) override;
  void backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) override;
  std::vector<Parameter<T>*> parameters() override { return {&scale_, &bias_}; }

 private:
  void compute_statistics(const T* input, std::size_t rows);
  void update_running_statistics(std::size_t rows);

  std::size_t positions_;
  std::size_t channels_;
  Parameter<T> scale_;
  Parameter<T> bias_;
  std::vector<T> running_mean_;
  std::vector<T> running_variance_;
  std::vector<T> mean_;
  std::vector<T> variance_;
  std::vector<T> inverse_deviation_;
  std::vector<T> normalised_;  // of the last forward pass in mode `train`
};

}  // namespace large_batch
