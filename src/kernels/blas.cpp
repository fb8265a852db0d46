// The same step composed of OpenBLAS level-1 calls: what a trainer without liblars would write, and a peer to
// measure the fused kernels against. Chunks are far below the size at which OpenBLAS starts threads (10 000
// elements).
#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/elements.h"
#include "work_list.h"

namespace lars {
namespace {

/// The few BLAS routines used, by element type.
struct Blas {
  using Size = blasint;

  static void copy(Size n, const float* x, float* y) { cblas_scopy(n, x, 1, y, 1); }
  static void copy(Size n, const double* x, double* y) { cblas_dcopy(n, x, 1, y, 1); }
  static void scale(Size n, float a, float* x) { cblas_sscal(n, a, x, 1); }
  static void scale(Size n, double a, double* x) { cblas_dscal(n, a, x, 1); }
  static void add_scaled(Size n, float a, const float* x, float* y) { cblas_saxpy(n, a, x, 1, y, 1); }
  static void add_scaled(Size n, double a, const double* x, double* y) { cblas_daxpy(n, a, x, 1, y, 1); }
  static double norm(Size n, const float* x) { return cblas_snrm2(n, x, 1); }
  static double norm(Size n, const double* x) { return cblas_dnrm2(n, x, 1); }
};

template <class Real>
using Scratch = std::array<Real, kChunk>;

template <class Real>
void form_decayed_gradient(const DecayedGradient<Real>& term, const Real* parameter, const Real* gradient,
                           std::size_t count, Scratch<Real>& decayed) {
  const auto n = static_cast<Blas::Size>(count);
  Blas::copy(n, gradient, decayed.data());
  if (term.gradient_scale != Real{1}) Blas::scale(n, term.gradient_scale, decayed.data());
  if (term.decay) Blas::add_scaled(n, term.weight_decay, parameter, decayed.data());
}

/// Whether a norm lost nothing by being rounded to Real, which has less range than the sum of squares. Not
/// NaN.
template <class Real>
bool trusted(double norm) {
  return norm >= 1e8 * double{std::numeric_limits<Real>::min()} && std::isfinite(norm);
}

/// Whether the plain loops must do it. They clip, and have each factor of nesterov for itself. BLAS's scal
/// would also lose NaN and Inf, which must propagate as in the reference: OpenBLAS scales by 0 by writing
/// zeros, and so does its sscal by NaN. Of the factors, only those with the trust ratio can be NaN.
template <class Real>
bool needs_plain_loops(const MomentumUpdate<Real>& term) {
  const auto unsafe = [](Real factor) { return factor == Real{0} || !std::isfinite(factor); };
  return term.gradient.clip || (term.nesterov && term.nesterov_scale != term.step_scale) ||
         unsafe(term.gradient.gradient_scale) || unsafe(term.step_scale) || unsafe(term.momentum) ||
         unsafe(term.update_scale);
}

template <ElementType type>
struct BlasKernels {
  using Real = Compute<type>;

  static const KernelTable<Real>& reference() { return kReferenceKernels.table<Real>(type, type); }

  static Moments plain_sum(Sums which, const DecayedGradient<Real>& term, Weights weights,
                           const void* gradient, std::size_t count) {
    return reference().sum(which, term, weights, gradient, count);
  }

  static double sum_weight_squares(Weights weights, std::size_t count) {
    const double norm =
        Blas::norm(static_cast<Blas::Size>(count), static_cast<const Real*>(weights.parameter));
    return trusted<Real>(norm) ? norm * norm : plain_sum(Sums::weight, {}, weights, nullptr, count).weight;
  }

  static Moments sum_update_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                    std::size_t count) {
    if (term.gradient_scale == Real{0} || term.clip) {  // see needs_plain_loops
      return plain_sum(Sums::update, term, weights, gradient, count);
    }
    Scratch<Real> decayed;
    form_decayed_gradient(term, static_cast<const Real*>(weights.parameter),
                          static_cast<const Real*>(gradient), count, decayed);
    const double norm = Blas::norm(static_cast<Blas::Size>(count), decayed.data());
    if (trusted<Real>(norm)) return {0.0, norm * norm};
    return plain_sum(Sums::update, term, weights, gradient, count);
  }

  static Moments sum(Sums which, const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                     std::size_t count) {
    if (which == Sums::all) return plain_sum(which, term, weights, gradient, count);
    Moments sums;
    if (has_update(which)) sums = sum_update_squares(term, weights, gradient, count);
    if (has_weight(which)) sums.weight = sum_weight_squares(weights, count);
    return sums;
  }

  /// Advances the momentum of at most kChunk elements. Leaves Δ in `increment`.
  static void advance(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient,
                      Real* momentum, std::size_t count, Scratch<Real>& increment) {
    const auto n = static_cast<Blas::Size>(count);
    form_decayed_gradient(term.gradient, parameter, gradient, count, increment);
    Blas::scale(n, term.step_scale, increment.data());
    Blas::scale(n, term.momentum, momentum);
    Blas::add_scaled(n, Real{1}, increment.data(), momentum);
    if (term.nesterov) {
      Blas::add_scaled(n, term.momentum, momentum, increment.data());
    } else {
      Blas::copy(n, momentum, increment.data());
    }
    if (term.update_scale != Real{1}) Blas::scale(n, term.update_scale, increment.data());
  }

  static void apply(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                    Real* momentum, std::size_t count) {
    if (needs_plain_loops(term)) return reference().apply(term, weights, gradient, momentum, count);
    auto* parameter = static_cast<Real*>(weights.parameter);
    Scratch<Real> increment;
    for (std::size_t first = 0; first < count; first += kChunk) {
      const std::size_t size = std::min<std::size_t>(kChunk, count - first);
      advance(term, parameter + first, static_cast<const Real*>(gradient) + first, momentum + first, size,
              increment);
      Blas::add_scaled(static_cast<Blas::Size>(size), Real{1}, increment.data(), parameter + first);
    }
  }

  static double apply_and_sum(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                              Real* momentum, std::size_t count) {
    apply(term, weights, gradient, momentum, count);
    return sum_weight_squares(weights, count);
  }

  static void write(const MomentumUpdate<Real>& term, Weights weights, const void* gradient, Real* momentum,
                    Real* update, std::size_t count) {
    if (needs_plain_loops(term)) return reference().write(term, weights, gradient, momentum, update, count);
    Scratch<Real> increment;
    for (std::size_t first = 0; first < count; first += kChunk) {
      const std::size_t size = std::min<std::size_t>(kChunk, count - first);
      advance(term, static_cast<const Real*>(weights.parameter) + first,
              static_cast<const Real*>(gradient) + first, momentum + first, size, increment);
      Blas::copy(static_cast<Blas::Size>(size), increment.data(), update + first);
    }
  }

  /// Plain: a copy or an axpy by 1, which threads above 10 000 elements.
  static void accumulate(const void* gradient, Real* accumulator, bool first, std::size_t count) {
    reference().accumulate(gradient, accumulator, first, count);
  }

  template <ElementType gradient_type>
  static Moments accumulate_and_sum(Sums which, const DecayedGradient<Real>& term, Weights weights,
                                    const void* gradient, Real* accumulator, bool first, std::size_t count) {
    kReferenceKernels.table<Real>(type, gradient_type).accumulate(gradient, accumulator, first, count);
    return sum(which, term, weights, accumulator, count);
  }

  static constexpr KernelTable<Real> table = {sum,   apply,      apply_and_sum,
                                              write, accumulate, accumulate_and_sum<type>};
};

}  // namespace

const KernelSet& blas_kernels() {
  static const KernelSet set = [] {
    using enum ElementType;
    KernelSet kernels = kReferenceKernels;
    kernels.name = "blas";
    const auto table = [&](BinaryPair pair) -> auto& { return kernels.f32[static_cast<std::size_t>(pair)]; };
    table(BinaryPair::f32_f32) = BlasKernels<f32>::table;
    kernels.f64 = BlasKernels<f64>::table;
    // Accumulators are F32.
    table(BinaryPair::f32_f16).accumulate_and_sum = BlasKernels<f32>::accumulate_and_sum<f16>;
    table(BinaryPair::f32_bf16).accumulate_and_sum = BlasKernels<f32>::accumulate_and_sum<bf16>;
    return kernels;
  }();
  return set;
}

}  // namespace lars
