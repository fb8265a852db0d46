// Tables of kernels: the loops over the elements of a run of one tensor. Kernels know no tensor and no
// optimizer.
//
// All form u = d + λ w, d = gs g, in the compute type; docs/semantics.md gives the arithmetic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "element_type.h"
#include "reduction.h"

namespace lars {

/// d = gradient_scale * g; if `clip`, d = clip_scale * min(max(d, -limit), limit), unless d is NaN or Inf,
/// which stay what they are for the non-finite policy to find. u = d + weight_decay * w; without decay u = d,
/// and w is not looked at.
template <class Real>
struct DecayedGradient {
  Real gradient_scale;
  Real weight_decay;
  bool decay;
  bool clip = false;
  Real limit = std::numeric_limits<Real>::infinity();
  Real clip_scale = 1;

  bool operator==(const DecayedGradient&) const = default;
};

/// v = step_scale * u + momentum * v; Δ = update_scale * v, or, if `nesterov`,
/// update_scale * (nesterov_scale * u + momentum * v). Of the learning rate, the trust ratio and dampening
/// each is in the scale where its variant has it (trust_ratio.h).
template <class Real>
struct MomentumUpdate {
  DecayedGradient<Real> gradient;
  Real step_scale;
  Real momentum;
  bool nesterov;
  Real nesterov_scale = step_scale;
  Real update_scale = 1;
};

/// The elements of a run of weights, to be read: the parameter, and for the 16-bit types what completes it
/// to the binary32 master.
struct Weights {
  const void* parameter;
  const void* master;
};

/// The same, to be written.
struct MutableWeights {
  void* parameter;
  void* master;
  operator Weights() const { return {parameter, master}; }  // NOLINT(google-explicit-constructor)
};

/// Which of the moments of some elements: none, Σ w², Σ u², both, or all four.
enum class Sums : std::uint8_t { none, weight, update, both, all };

constexpr bool has_weight(Sums which) { return which != Sums::none && which != Sums::update; }
constexpr bool has_update(Sums which) { return which != Sums::none && which != Sums::weight; }

/// The kernels for one pair of parameter and gradient type. `count` elements; buffers are aligned to their
/// elements, no more. The sums are those of one chunk, at most kChunk elements; the others take any number.
template <class Real>
struct KernelTable {
  /// The sums `which`, in binary64; the others are 0. With Σ u² also whether any d was cut at its limit. What
  /// else is summed changes no bit of a sum. For Σ w² alone only the weights are read, for Σ u² without decay
  /// only the gradient.
  Moments (*sum)(Sums which, const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                 std::size_t count);
  /// Advances the momentum v and adds Δ to the weights, in place.
  void (*apply)(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                Real* momentum, std::size_t count);
  /// The same, and Σ w² of the new weights as they will be read.
  double (*apply_and_sum)(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                          Real* momentum, std::size_t count);
  /// Advances the momentum v and writes Δ to `update`; the weights are only read.
  void (*write)(const MomentumUpdate<Real>& term, Weights weights, const void* gradient, Real* momentum,
                Real* update, std::size_t count);
  /// accumulator = gradient, or, unless `first`, accumulator + gradient.
  void (*accumulate)(const void* gradient, Real* accumulator, bool first, std::size_t count);
  /// The same, and the sums `which` with the accumulator for the gradient.
  Moments (*accumulate_and_sum)(Sums which, const DecayedGradient<Real>& term, Weights weights,
                                const void* gradient, Real* accumulator, bool first, std::size_t count);
};

/// Pairs of types that are computed in binary32, by parameter and then gradient.
enum class BinaryPair : std::uint8_t { f32_f32, f32_f16, f32_bf16, f16_f16, f16_f32, bf16_bf16, bf16_f32 };
inline constexpr std::size_t kBinaryPairs = 7;

/// The pair of these types, which allowed_pair allows; neither is F64.
constexpr BinaryPair binary_pair(ElementType parameter, ElementType gradient) {
  switch (parameter) {
    case ElementType::f16: return gradient == ElementType::f16 ? BinaryPair::f16_f16 : BinaryPair::f16_f32;
    case ElementType::bf16:
      return gradient == ElementType::bf16 ? BinaryPair::bf16_bf16 : BinaryPair::bf16_f32;
    default: break;
  }
  switch (gradient) {
    case ElementType::f16: return BinaryPair::f32_f16;
    case ElementType::bf16: return BinaryPair::f32_bf16;
    default: return BinaryPair::f32_f32;
  }
}

struct KernelSet {
  const char* name;
  std::array<KernelTable<float>, kBinaryPairs> f32;  // by BinaryPair
  KernelTable<double> f64;

  template <class Real>
  [[nodiscard]] const KernelTable<Real>& table(ElementType parameter, ElementType gradient) const;
};

template <>
inline const KernelTable<float>& KernelSet::table<float>(ElementType parameter, ElementType gradient) const {
  return f32[static_cast<std::size_t>(binary_pair(parameter, gradient))];
}
template <>
inline const KernelTable<double>& KernelSet::table<double>(ElementType /*parameter*/,
                                                           ElementType /*gradient*/) const {
  return f64;
}

/// Makes a set of Kernels<parameter type, gradient type>::table for every pair.
template <template <ElementType, ElementType> class Kernels>
constexpr KernelSet make_kernel_set(const char* name) {
  using enum ElementType;
  return {name,
          {Kernels<f32, f32>::table, Kernels<f32, f16>::table, Kernels<f32, bf16>::table,
           Kernels<f16, f16>::table, Kernels<f16, f32>::table, Kernels<bf16, bf16>::table,
           Kernels<bf16, f32>::table},
          Kernels<f64, f64>::table};
}

/// Plain loops in exactly the arithmetic of docs/semantics.md: the definition that other sets are tested
/// against.
extern const KernelSet kReferenceKernels;

/// Compositions of OpenBLAS level-1 calls, for F32 and F64; `reference` where a 16-bit type is involved.
/// Within rounding of the reference, not equal to the bit: OpenBLAS fuses multiplications with additions and
/// returns f32 norms rounded to f32.
const KernelSet& blas_kernels();

/// The SIMD kernels for the instruction sets that this processor has, the widest first; none if it has no
/// vectors. Called "simd/AVX2" and the like. In the arithmetic of the reference, to the bit.
std::vector<const KernelSet*> simd_kernel_sets();

/// The set called `name`: "auto", "simd", "simd/<target>", "reference" or "blas"; LARS_ERR_ARGUMENT, listing
/// the names, if there is none that this processor can run.
const KernelSet& kernel_set(std::string_view name);

/// Factors by which w, u and d are multiplied before they are squared. Powers of two, so that this is exact.
struct Rescale {
  double weight;
  double update;
  double gradient;
};

/// The moments of one chunk of rescaled elements, for binary64 tensors whose plain sums overflow or
/// underflow. Rare: plain loops serve every kernel set.
Moments sum_rescaled_moments(const DecayedGradient<double>& term, const double* parameter,
                             const double* gradient, std::size_t count, const Rescale& rescale);

}  // namespace lars
