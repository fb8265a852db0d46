// The formulas that make the optimizer LARS, and what its variants make of them: scalar mathematics only.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "lars/lars.h"

namespace lars {

/// Euclidean norms of a parameter w and its gradient, and the trust ratio r that follows from them.
struct LayerNorms {
  double weight_norm = 0.0;
  double update_norm = 0.0;                                         // the denominator, without ε
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  // ‖d‖; NaN if nothing asked for it
  double trust_ratio = 1.0;
  double effective_rate = 0.0;  // γ r
  bool limited = false;         // r by LARS_TRUST_CLIP, or gradients by their global norm or their limit
};

/// What stands in the denominator: ‖d + λ w‖, ‖d‖ + λ ‖w‖ or ‖d‖.
enum class Denominator : std::uint8_t {
  decayed = LARS_DENOMINATOR_DECAYED,
  sum = LARS_DENOMINATOR_SUM,
  gradient = LARS_DENOMINATOR_GRADIENT,
};

/// What multiplies the momentum after it has advanced, instead of the gradient before it enters.
enum class Outside : std::uint8_t {
  nothing = LARS_OUTSIDE_NOTHING,
  learning_rate = LARS_OUTSIDE_LEARNING_RATE,
  trust_ratio = LARS_OUTSIDE_TRUST_RATIO,  // and the learning rate
};

/// η ‖w‖ / (‖u‖ + ε), or 1 if either norm is exactly 0 (optax.scale_by_trust_ratio, You et al. 2017, eq. 6).
/// NaN is not 0: it stays.
inline double trust_ratio(double weight_norm, double update_norm, double trust_coefficient, double eps) {
  if (weight_norm == 0.0 || update_norm == 0.0) return 1.0;
  return trust_coefficient * weight_norm / (update_norm + eps);
}

/// min(r / γ, 1), by which γ r is at most the learning rate (LARC, Ginsburg et al. 2018). NaN stays.
inline double clipped_trust_ratio(double ratio, double learning_rate) {
  return ratio >= learning_rate ? 1.0 : ratio / learning_rate;
}

/// Of v = step u + μ v and Δ = update v, or, for Nesterov, Δ = update (nesterov u + μ v).
struct StepScales {
  double step;
  double nesterov;
  double update;
};

/// With γ and r where the variant has them. Dampening is torch.optim.SGD's: 1 - dampening of what enters the
/// momentum, all of it on the first step and where there is no momentum.
inline StepScales step_scales(Outside outside, double learning_rate, double trust_ratio, double dampening) {
  const double rate = -(learning_rate * trust_ratio);
  StepScales scales = {};
  switch (outside) {
    case Outside::nothing: scales = {rate, rate, 1.0}; break;
    case Outside::learning_rate: scales = {trust_ratio, trust_ratio, -learning_rate}; break;
    case Outside::trust_ratio: scales = {1.0, 1.0, rate}; break;
  }
  if (dampening != 0.0) scales.step *= 1.0 - dampening;
  return scales;
}

/// ‖c d + λ w‖ from ‖d‖, ‖w‖ and the sum of d w: what clipping d by c makes of a norm, without another pass.
inline double norm_of_sum(double gradient_norm, double decayed_weight_norm, double cosine) {
  if (gradient_norm == 0.0) return decayed_weight_norm;
  if (decayed_weight_norm == 0.0) return gradient_norm;
  const double larger = gradient_norm > decayed_weight_norm ? gradient_norm : decayed_weight_norm;
  const double a = gradient_norm / larger;
  const double b = decayed_weight_norm / larger;
  const double square = a * a + 2.0 * a * b * cosine + b * b;
  return larger * std::sqrt(square < 0.0 ? 0.0 : square);  // NaN stays
}

}  // namespace lars
