#include "loss.hpp"

#include <algorithm>
#include <cmath>

namespace large_batch {

template <typename T>
LossSum softmax_cross_entropy(const T* logits, const std::uint8_t* labels, std::size_t images,
                              std::size_t classes, T scale, T* logit_gradient) {
  LossSum sum;
  for (std::size_t i = 0; i < images; ++i) {
    const T* row = logits + i * classes;
    const T* largest = std::max_element(row, row + classes);
    // Less the largest logit, so that no exponential overflows.
    T exponentials = T{0};
    for (std::size_t c = 0; c < classes; ++c) exponentials += std::exp(row[c] - *largest);
    const std::size_t label = labels[i];
    sum.loss += static_cast<double>(std::log(exponentials) - (row[label] - *largest));
    sum.correct += static_cast<std::size_t>(largest - row) == label ? 1 : 0;
    if (logit_gradient == nullptr) continue;
    T* gradient = logit_gradient + i * classes;
    for (std::size_t c = 0; c < classes; ++c) {
      const T probability = std::exp(row[c] - *largest) / exponentials;
      gradient[c] = scale * (probability - (c == label ? T{1} : T{0}));
    }
  }
  return sum;
}

template LossSum softmax_cross_entropy<float>(const float*, const std::uint8_t*, std::size_t, std::size_t,
                                              float, float*);
template LossSum softmax_cross_entropy<double>(const double*, const std::uint8_t*, std::size_t, std::size_t,
                                               double, double*);

}  // namespace large_batch
