// Tables of kernels: the loops over the elements of one chunk. Kernels know no tensor and no optimizer.
//
// Both kernels form u = gs g + λ w in the tensor's own type; docs/semantics.md gives the arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "reduction.h"

namespace lars {

/// u = gradient_scale * g + weight_decay * w; without decay u = gradient_scale * g, and w is not looked at.
template <class Real>
struct DecayedGradient {
  Real gradient_scale;
  Real weight_decay;
  bool decay;
};

/// s = step_scale * u; v = s + momentum * v; Δ = nesterov ? s + momentum * v : v, with step_scale = -γ r.
template <class Real>
struct MomentumUpdate {
  DecayedGradient<Real> gradient;
  Real step_scale;
  Real momentum;
  bool nesterov;
};

template <class Real>
struct KernelTable {
  /// Σ w² and Σ u² of one chunk of at most kChunk elements, in binary64.
  SumsOfSquares (*sum_squares)(const DecayedGradient<Real>& term, const Real* parameter, const Real* gradient,
                               std::size_t count);
  /// Advances the momentum v of one chunk and adds Δ to the parameter, in place.
  void (*apply)(const MomentumUpdate<Real>& term, Real* parameter, const Real* gradient, Real* momentum,
                std::size_t count);
  /// Advances the momentum v of one chunk and writes Δ to `update`; the parameter is only read.
  void (*write)(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient, Real* momentum,
                Real* update, std::size_t count);
};

struct KernelSet {
  const char* name;
  KernelTable<float> f32;
  KernelTable<double> f64;

  template <class Real>
  [[nodiscard]] const KernelTable<Real>& table() const;
};

template <>
inline const KernelTable<float>& KernelSet::table<float>() const {
  return f32;
}
template <>
inline const KernelTable<double>& KernelSet::table<double>() const {
  return f64;
}

/// Plain loops in exactly the arithmetic of docs/semantics.md: the definition that other sets are tested
/// against.
extern const KernelSet kReferenceKernels;

/// Compositions of OpenBLAS level-1 calls. Within rounding of the reference, not equal to the bit: OpenBLAS
/// fuses multiplications with additions and returns f32 norms rounded to f32.
extern const KernelSet kBlasKernels;

/// The set called `name`, or the best one for "auto"; LARS_ERR_ARGUMENT, listing the names, if there is none.
const KernelSet& kernel_set(std::string_view name);

/// Σ (weight_rescale w)² and Σ (update_rescale u)² of one chunk, for binary64 tensors whose plain sums
/// overflow or underflow. The scales are powers of two, so scaling is exact. Rare: plain loops serve every
/// kernel set.
SumsOfSquares sum_rescaled_squares(const DecayedGradient<double>& term, const double* parameter,
                                   const double* gradient, std::size_t count, double weight_rescale,
                                   double update_rescale);

}  // namespace lars
