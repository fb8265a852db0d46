#include "dense.hpp"

#include <algorithm>

#include "gemm.hpp"

namespace large_batch {

template <typename T>
Dense<T>::Dense(const std::string& name, std::size_t inputs, std::size_t outputs, Bias bias,
                std::mt19937_64& random)
    : inputs_(inputs),
      outputs_(outputs),
      has_bias_(bias == Bias::zero),
      weight_(make_parameter(name + ".weight",
                             {static_cast<std::int64_t>(outputs), static_cast<std::int64_t>(inputs)}, T{0})),
      bias_(make_parameter(name + ".bias", {static_cast<std::int64_t>(outputs)}, T{0})) {
  initialise_he(weight_, inputs, random);
}

template <typename T>
void Dense<T>::forward(const T* input, T* output, std::size_t images, Mode) {
  for (std::size_t i = 0; has_bias_ && i < images; ++i) {
    std::copy(bias_.value.begin(), bias_.value.end(), output + i * outputs_);
  }
  gemm<T>(images, outputs_, inputs_, {input, inputs_}, {weight_.value.data(), inputs_, Transpose::yes},
          has_bias_ ? T{1} : T{0}, output);
}

template <typename T>
void Dense<T>::backward(const T* input, const T* output_gradient, T* input_gradient, std::size_t images) {
  gemm<T>(outputs_, inputs_, images, {output_gradient, outputs_, Transpose::yes}, {input, inputs_}, T{1},
          weight_.gradient.data());
  for (std::size_t i = 0; has_bias_ && i < images; ++i) {
    for (std::size_t j = 0; j < outputs_; ++j) bias_.gradient[j] += output_gradient[i * outputs_ + j];
  }
  if (input_gradient == nullptr) return;
  gemm<T>(images, inputs_, outputs_, {output_gradient, outputs_}, {weight_.value.data(), inputs_}, T{0},
          input_gradient);
}

template <typename T>
std::vector<Parameter<T>*> Dense<T>::parameters() {
  if (has_bias_) return {&weight_, &bias_};
  return {&weight_};
}

template class Dense<float>;
template class Dense<double>;

}  // namespace large_batch
