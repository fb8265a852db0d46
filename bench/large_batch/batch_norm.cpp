#include "batch_norm.hpp"

#include <cmath>

namespace large_batch {
namespace {

// PyTorch's defaults.
constexpr double kEpsilon = 1e-5;
constexpr double kRunningMomentum = 0.1;

}  // namespace

template <typename T>
BatchNorm<T>::BatchNorm(const std::string& name, std::size_t positions, std::size_t channels)
    : positions_(positions),
      channels_(channels),
      scale_(make_parameter(name + ".scale", {static_cast<std::int64_t>(channels)}, T{1})),
      bias_(make_parameter(name + ".bias", {static_cast<std::int64_t>(channels)}, T{0})),
      running_mean_(channels, T{0}),
      running_variance_(channels, T{1}),
      mean_(channels),
      variance_(channels),
      inverse_deviation_(channels) {}

template <typename T>
void BatchNorm<T>::compute_statistics(const T* input, std::size_t rows) {
  const T count = static_cast<T>(rows);
  mean_.assign(channels_, T{0});
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < channels_; ++c) mean_[c] += input[r * channels_ + c];
  }
  for (T& mean : mean_) mean /= count;
  // In a second pass, because the mean of squares less the square of the mean would cancel in float.
  variance_.assign(channels_, T{0});
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < channels_; ++c) {
      const T centred = input[r * channels_ + c] - mean_[c];
      variance_[c] += centred * centred;
    }
  }
  for (T& variance : variance_) variance /= count;
}

template <typename T>
void BatchNorm<T>::update_running_statistics(std::size_t rows) {
  // The running variance estimates that of the population, hence n - 1.
  const T unbiased = rows > 1 ? static_cast<T>(rows) / static_cast<T>(rows - 1) : T{1};
  const T momentum = static_cast<T>(kRunningMomentum);
  for (std::size_t c = 0; c < channels_; ++c) {
    running_mean_[c] += momentum * (mean_[c] - running_mean_[c]);
    running_variance_[c] += momentum * (variance_[c] * unbiased - running_variance_[c]);
  }
}

template <typename T>
void BatchNorm<T>::forward(const T* input, T* output, std::size_t images, Mode mode) {
  const std::size_t rows = images * positions_;
  const bool train = mode == Mode::train;
  if (train) {
    compute_statistics(input, rows);
    update_running_statistics(rows);
    normalised_.resize(rows * channels_);
  }
  const T* mean = train ? mean_.data() : running_mean_.data();
  const T* variance = train ? variance_.data() : running_variance_.data();
  for (std::size_t c = 0; c < channels_; ++c) {
    inverse_deviation_[c] = T{1} / std::sqrt(variance[c] + static_cast<T>(kEpsilon));
  }
  const T* inverse_deviation = inverse_deviation_.data();
  const T* scale = scale_.value.data();
  const T* bias = bias_.value.data();
  for (std::size_t r = 0; r < rows; ++r) {
    const T* source = input + r * channels_;
    // In mode `evaluate` nothing is kept for a backward pass.
    T* normalised = (train ? normalised_.data() : output) + r * channels_;
    T* destination = output + r * channels_;
    for (std::size_t c = 0; c < channels_; ++c) normalised[c] = (source[c] - mean[c]) * inverse_deviation[c];
    for (std::size_t c = 0; c < channels_; ++c) destination[c] = normalised[c] * scale[c] + bias[c];
  }
}

template <typename T>
void BatchNorm<T>::backward(const T*, const T* output_gradient, T* input_gradient, std::size_t images) {
  const std::size_t rows = images * positions_;
  // Sums over these images alone: the parameters' gradients may already hold those of other pieces of the
  // batch.
  std::vector<T> bias_gradient(channels_, T{0});
  std::vector<T> scale_gradient(channels_, T{0});
  for (std::size_t r = 0; r < rows; ++r) {
    const T* gradient = output_gradient + r * channels_;
    const T* normalised = normalised_.data() + r * channels_;
    for (std::size_t c = 0; c < channels_; ++c) {
      bias_gradient[c] += gradient[c];
      scale_gradient[c] += gradient[c] * normalised[c];
    }
  }
  for (std::size_t c = 0; c < channels_; ++c) {
    bias_.gradient[c] += bias_gradient[c];
    scale_.gradient[c] += scale_gradient[c];
  }
  if (input_gradient == nullptr) return;
  // dx = scale / deviation * (dy - mean(dy) - x^ mean(dy x^)), x^ the normalised input.
  std::vector<T> factor(channels_);
  for (std::size_t c = 0; c < channels_; ++c) {
    factor[c] = scale_.value[c] * inverse_deviation_[c];
    bias_gradient[c] /= static_cast<T>(rows);
    scale_gradient[c] /= static_cast<T>(rows);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    const T* gradient = output_gradient + r * channels_;
    const T* normalised = normalised_.data() + r * channels_;
    T* destination = input_gradient + r * channels_;
    for (std::size_t c = 0; c < channels_; ++c) {
      destination[c] = factor[c] * (gradient[c] - bias_gradient[c] - normalised[c] * scale_gradient[c]);
    }
  }
}

template class BatchNorm<float>;
template class BatchNorm<double>;

}  // namespace large_batch
