#include "max_pool.hpp"

#include <algorithm>

namespace large_batch {

template <typename T>
void MaxPool<T>::forward(const T* input, T* output, std::size_t images, Mode) {
  const std::size_t channels = input_.channels;
  const std::size_t row = input_.width * channels;
  for (std::size_t y = 0; y < images * output_.height; ++y) {
    for (std::size_t x = 0; x < output_.width; ++x) {
      const T* upper = input + 2 * y * row + 2 * x * channels;
      const T* lower = upper + row;
      for (std::size_t c = 0; c < channels; ++c) {
        output[c] =
            std::max(std::max(upper[c], upper[c + channels]), std::max(lower[c], lower[c + channels]));
      }
      output += channels;
    }
  }
}

template <typename T>
void MaxPool<T>::backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) {
  if (input_gradient == nullptr) return;
  const std::size_t channels = input_.channels;
  const std::size_t row = input_.width * channels;
  std::fill(input_gradient, input_gradient + images * input_.size(), T{0});
  for (std::size_t y = 0; y < images * output_.height; ++y) {
    for (std::size_t x = 0; x < output_.width; ++x) {
      const std::size_t corner = 2 * y * row + 2 * x * channels;
      for (std::size_t c = 0; c < channels; ++c) {
        // The first of equal maxima receives the gradient.
        std::size_t largest = corner + c;
        for (const std::size_t offset : {channels, row, row + channels}) {
          if (input[corner + c + offset] > input[largest]) largest = corner + c + offset;
        }
        input_gradient[largest] = output_gradient[c];
      }
      output_gradient += channels;
    }
  }
}

template class MaxPool<float>;
template class MaxPool<double>;

}  // namespace large_batch
