// The formula that makes the optimizer LARS: scalar mathematics only.
#pragma once

namespace lars {

/// Euclidean norms of a parameter w and of its decayed gradient u = gs g + λ w, and their trust ratio.
struct LayerNorms {
  double weight_norm = 0.0;
  double update_norm = 0.0;
  double trust_ratio = 1.0;
};

/// η ‖w‖ / (‖u‖ + ε), or 1 if either norm is exactly 0 (optax.scale_by_trust_ratio, You et al. 2017, eq. 6).
/// NaN is not 0: it stays.
inline double trust_ratio(double weight_norm, double update_norm, double trust_coefficient, double eps) {
  if (weight_norm == 0.0 || update_norm == 0.0) return 1.0;
  return trust_coefficient * weight_norm / (update_norm + eps);
}

}  // namespace lars
