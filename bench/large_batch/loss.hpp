// Softmax cross-entropy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace large_batch {

struct LossSum {
  double loss = 0.0;
  std::size_t correct = 0;
};

// Sums the loss over the images and counts those whose largest logit is the label's. Writes scale times the
// gradient of the summed loss to logit_gradient unless it is null; scale 1 / batch makes it the gradient of
// the batch's mean.
template <typename T>
LossSum softmax_cross_entropy(const T* logits, const std::uint8_t* labels, std::size_t images,
                              std::size_t classes, T scale, T* logit_gradient);

}  // namespace large_batch
