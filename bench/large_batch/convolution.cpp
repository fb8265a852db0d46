#include "convolution.hpp"

#include <algorithm>

#include "gemm.hpp"

namespace large_batch {
namespace {

// As many images are unfolded at once as keep their patches in a second-level cache.
constexpr std::size_t kPatchesBytes = std::size_t{1} << 18;

}  // namespace

template <typename T>
Convolution<T>::Convolution(const std::string& name, Picture input, std::size_t kernel,
                            std::size_t output_channels, std::mt19937_64& random)
    : input_(input),
      kernel_(kernel),
      output_{input.height - kernel + 1, input.width - kernel + 1, output_channels},
      weight_(make_parameter(name + ".weight",
                             {static_cast<std::int64_t>(output_channels), static_cast<std::int64_t>(kernel),
                              static_cast<std::int64_t>(kernel), static_cast<std::int64_t>(input.channels)},
                             T{0})) {
  initialise_he(weight_, patch_size(), random);
  const std::size_t image_elements = positions() * patch_size();
  const std::size_t images_at_once = std::max<std::size_t>(1, kPatchesBytes / (image_elements * sizeof(T)));
  patches_.resize(images_at_once * image_elements);
}

// One row for each output position: the kernel x kernel x channels input values that it sees.
template <typename T>
void Convolution<T>::unfold(const T* image, T* patches) const {
  const std::size_t run = kernel_ * input_.channels;
  for (std::size_t y = 0; y < output_.height; ++y) {
    for (std::size_t x = 0; x < output_.width; ++x) {
      for (std::size_t dy = 0; dy < kernel_; ++dy) {
        const T* source = image + ((y + dy) * input_.width + x) * input_.channels;
        for (std::size_t i = 0; i < run; ++i) patches[i] = source[i];
        patches += run;
      }
    }
  }
}

// The transpose of unfold: adds every patch value to the input value that it came from.
template <typename T>
void Convolution<T>::fold(const T* patches, T* image) const {
  const std::size_t run = kernel_ * input_.channels;
  std::fill(image, image + input_.size(), T{0});
  for (std::size_t y = 0; y < output_.height; ++y) {
    for (std::size_t x = 0; x < output_.width; ++x) {
      for (std::size_t dy = 0; dy < kernel_; ++dy) {
        T* destination = image + ((y + dy) * input_.width + x) * input_.channels;
        for (std::size_t i = 0; i < run; ++i) destination[i] += patches[i];
        patches += run;
      }
    }
  }
}

template <typename T>
void Convolution<T>::forward(const T* input, T* output, std::size_t images, Mode) {
  const std::size_t image_elements = positions() * patch_size();
  const std::size_t at_once = patches_.size() / image_elements;
  for (std::size_t first = 0; first < images; first += at_once) {
    const std::size_t count = std::min(at_once, images - first);
    for (std::size_t i = 0; i < count; ++i) {
      unfold(input + (first + i) * input_.size(), patches_.data() + i * image_elements);
    }
    gemm<T>(count * positions(), output_.channels, patch_size(), {patches_.data(), patch_size()},
            {weight_.value.data(), patch_size(), Transpose::yes}, T{0}, output + first * output_.size());
  }
}

template <typename T>
void Convolution<T>::backward(const T* input, const T* output_gradient, T* input_gradient,
                              std::size_t images) {
  const std::size_t image_elements = positions() * patch_size();
  const std::size_t at_once = patches_.size() / image_elements;
  for (std::size_t first = 0; first < images; first += at_once) {
    const std::size_t count = std::min(at_once, images - first);
    const T* gradient = output_gradient + first * output_.size();
    // Unfolding again is cheaper than keeping the patches of all images, which are kernel x kernel times the
    // input.
    for (std::size_t i = 0; i < count; ++i) {
      unfold(input + (first + i) * input_.size(), patches_.data() + i * image_elements);
    }
    gemm<T>(output_.channels, patch_size(), count * positions(), {gradient, output_.channels, Transpose::yes},
            {patches_.data(), patch_size()}, T{1}, weight_.gradient.data());
    if (input_gradient == nullptr) continue;
    gemm<T>(count * positions(), patch_size(), output_.channels, {gradient, output_.channels},
            {weight_.value.data(), patch_size()}, T{0}, patches_.data());
    for (std::size_t i = 0; i < count; ++i) {
      fold(patches_.data() + i * image_elements, input_gradient + (first + i) * input_.size());
    }
  }
}

template class Convolution<float>;
template class Convolution<double>;

}  // namespace large_batch
