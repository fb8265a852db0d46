// From the moments of pass 1 to the scales of pass 2: norms, clipping, trust ratios.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "optimizer.h"

namespace lars {
namespace {

/// A binary64 sum of squares is trusted between these. Above, it overflowed. Below, squares that underflowed
/// may matter: each loses at most 2^-1075, so that of 2^62 elements the sum keeps its 53 bits down to 2^-960.
constexpr double kLeastTrustedSum = 0x1p-960;

/// The power of two by which to scale the elements before squaring, so that their sum is trusted; 1 if it is
/// already.
double rescale_for(double sum) {
  if (std::isinf(sum)) return 0x1p-600;
  if (sum < kLeastTrustedSum) return 0x1p+600;
  return 1.0;
}

double greatest(ElementType type) {
  return compute_type(type) == ElementType::f32 ? double{std::numeric_limits<float>::max()}
                                                : std::numeric_limits<double>::max();
}

/// Whether all s_i = a u_i are sure to be finite in the compute type: |a| <= max, and |a u_i| <= |a| ||u|| <=
/// max, less what rounding a to binary32 adds. NaN does not fit.
bool step_fits(ElementType type, double step_scale, double update_norm) {
  const double most =
      compute_type(type) == ElementType::f32 ? greatest(type) * (1.0 - 0x1p-22) : greatest(type);
  return std::fabs(step_scale) <= greatest(type) && std::fabs(step_scale) * update_norm <= most;
}

}  // namespace

/// False unless all is finite.
bool Optimizer::compute_step_scales(Range range) {
  for (std::uint32_t index = range.first; index < range.last; ++index) read_norms(index);
  const double clip_scale = clips() ? global_clip_scale() : 1.0;
  bool finite = true;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    TensorStep& tensor = tensors_[index];
    const HyperparameterValues& values = tensor.values;
    tensor.clip_scale = clip_scale;
    finish_norms(tensor);
    LayerNorms& norms = tensor.norms;
    norms.limited = norms.limited || clip_scale != 1.0;
    const double learning_rate = values[Key::learning_rate];
    const bool zero = norms.weight_norm == 0.0 || tested_norm(tensor) == 0.0;
    tensor.update_term.decay =
        tensor.decay && values.flag(Key::decay_in_update) && (!zero || values.flag(Key::zero_norm_decay));
    if (values.flag(Key::trust_ratio_mask) && !zero) {
      norms.trust_ratio =
          trust_ratio(norms.weight_norm, norms.update_norm, values[Key::trust_coefficient], values[Key::eps]);
      if (values.flag(Key::trust_clip)) {
        norms.limited = norms.limited || norms.trust_ratio >= learning_rate;
        norms.trust_ratio = clipped_trust_ratio(norms.trust_ratio, learning_rate);
      }
    }
    norms.effective_rate = learning_rate * norms.trust_ratio;
    const bool dampens = records_[index].steps != 0 && values[Key::momentum] != 0.0;
    const double dampening = dampens ? values[Key::dampening] : 0.0;
    tensor.scales = step_scales(values.choice<Outside>(Key::outside_momentum), learning_rate,
                                norms.trust_ratio, dampening);
    finite = finite && is_finite(tensor);
  }
  return finite;
}

/// The factor of all gradients by which their global norm is at most clip_norm_: optax.clip_by_global_norm.
/// By optax's formula NaN makes all gradients NaN, and Inf makes the finite ones 0. A step that will not be
/// taken is not clipped: its norms then say whose gradient it was.
double Optimizer::global_clip_scale() const {
  // In order of name, so that the sum does not depend on the order in which parameters were added; scaled by
  // the largest, so that it neither overflows nor underflows.
  double largest = 0.0;
  bool any_nan = false;
  for (const TensorStep& tensor : tensors_) {
    any_nan = any_nan || std::isnan(tensor.norms.gradient_norm);
    largest = std::max(largest, tensor.norms.gradient_norm);
  }
  if (any_nan || std::isinf(largest)) {
    if (policy_ != NonfinitePolicy::propagate) return 1.0;
    return any_nan ? std::numeric_limits<double>::quiet_NaN() : 0.0;
  }
  if (largest == 0.0) return 1.0;
  double sum = 0.0;
  for (const std::uint32_t index : by_name_) {
    const double part = tensors_[index].norms.gradient_norm / largest;
    sum += part * part;
  }
  const double norm = largest * std::sqrt(sum);
  if (norm < clip_norm_) return 1.0;
  return std::isinf(norm) ? clip_norm_ / largest / std::sqrt(sum) : clip_norm_ / norm;
}

/// The norm that, besides ‖w‖, must not be 0: where λ w is not under the same norm, that of the gradient.
double Optimizer::tested_norm(const TensorStep& tensor) {
  const bool decayed = tensor.values.choice<Denominator>(Key::denominator) == Denominator::decayed;
  return decayed ? tensor.norms.update_norm : tensor.norms.gradient_norm;
}

/// Whether all values that the step writes are sure to be finite, as far as norms can tell.
bool Optimizer::is_finite(const TensorStep& tensor) const {
  const LayerNorms& norms = tensor.norms;
  if (!std::isfinite(norms.weight_norm) || !std::isfinite(norms.update_norm)) return false;
  if (clips() && !std::isfinite(norms.gradient_norm)) return false;
  const std::optional<double> bound = update_bound(tensor);
  return bound && step_fits(tensor.type, tensor.scales.nesterov, *bound) &&
         step_fits(tensor.type, tensor.scales.update, std::fabs(tensor.scales.nesterov) * *bound);
}

/// What no element of the u that enters the momentum exceeds: its norm, if that is the one that was taken, or
/// the sum of those of its parts. None if the parts may overflow.
std::optional<double> Optimizer::update_bound(const TensorStep& tensor) {
  const LayerNorms& norms = tensor.norms;
  const bool decays = tensor.update_term.decay;
  if (tensor.term.decay == decays && tensor.clip_scale == 1.0) {
    return decays ? norms.update_norm : norms.gradient_norm;
  }
  const double weight_decay = tensor.decay ? tensor.values[Key::weight_decay] : 0.0;
  const double decay = weight_decay * norms.weight_norm;
  // ||d|| itself, or at most ||d + λ w|| + λ ||w||. The last factor is for what the sums of elements are
  // rounded.
  const bool known = !tensor.term.decay || tensor.clip_scale != 1.0;
  const double gradient = known ? norms.gradient_norm : norms.update_norm + decay;
  if (!decays) return gradient * (1.0 + 0x1p-20);
  const double bound = (gradient + decay) * (1.0 + 0x1p-20);
  if (!(weight_decay <= greatest(tensor.type)) || !(bound <= greatest(tensor.type))) return std::nullopt;
  return bound;
}

/// ‖w‖, ‖u‖ and ‖d‖ as the slots have them, before d is clipped by its global norm.
void Optimizer::read_norms(std::uint32_t index) {
  TensorStep& tensor = tensors_[index];
  Rescale rescale = {1.0, 1.0, 1.0};
  const Moments sums = trusted_moments(index, rescale);
  tensor.norms = {};
  tensor.norms.weight_norm = std::sqrt(sums.weight) / rescale.weight;
  tensor.norms.update_norm = std::sqrt(sums.update) / rescale.update;
  tensor.norms.limited = sums.clipped;
  if (!tensor.term.decay) {
    tensor.norms.gradient_norm = tensor.norms.update_norm;
  } else if (wants_moments(tensor)) {
    tensor.norms.gradient_norm = std::sqrt(sums.gradient) / rescale.gradient;
    const double lengths = std::sqrt(sums.gradient) * std::sqrt(sums.weight);
    tensor.cosine = lengths == 0.0 ? 0.0 : sums.product / lengths;
  }
}

/// Those of the slots, or, for a binary64 tensor whose elements are too large or too small to be squared as
/// they are, those of rescaled elements.
Moments Optimizer::trusted_moments(std::uint32_t index, Rescale& rescale) {
  const Moments sums = add_slots(slots(index));
  if (tensors_[index].type != ElementType::f64) return sums;  // squares of binary32 are exact in binary64
  const bool gradient = wants_moments(tensors_[index]);
  rescale = {rescale_for(sums.weight), rescale_for(sums.update), gradient ? rescale_for(sums.gradient) : 1.0};
  if (rescale.weight == 1.0 && rescale.update == 1.0 && rescale.gradient == 1.0) return sums;
  sum_rescaled_moments(index, rescale);
  return add_slots(slots(index));
}

/// What clipping makes of the norms, and the denominator's form of ‖u‖.
void Optimizer::finish_norms(TensorStep& tensor) {
  LayerNorms& norms = tensor.norms;
  const double clip_scale = tensor.clip_scale;
  norms.gradient_norm *= clip_scale;
  const double decayed_norm = tensor.decay ? tensor.values[Key::weight_decay] * norms.weight_norm : 0.0;
  switch (tensor.values.choice<Denominator>(Key::denominator)) {
    case Denominator::decayed:
      if (clip_scale == 1.0) break;
      norms.update_norm = tensor.term.decay ? norm_of_sum(norms.gradient_norm, decayed_norm, tensor.cosine)
                                            : norms.gradient_norm;
      break;
    case Denominator::sum: norms.update_norm = norms.gradient_norm + decayed_norm; break;
    case Denominator::gradient: norms.update_norm = norms.gradient_norm; break;
  }
}

}  // namespace lars
