// The same step composed of OpenBLAS level-1 calls: what a trainer without liblars would write, and a peer to
// measure the fused kernels against. Chunks are far below the size at which OpenBLAS starts threads (10 000
// elements).
#include <cblas.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"
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

template <class Real>
SumsOfSquares sum_squares(const DecayedGradient<Real>& term, const Real* parameter, const Real* gradient,
                          std::size_t count) {
  if (term.gradient_scale == Real{0}) {  // see loses_nonfinite
    return kReferenceKernels.table<Real>().sum_squares(term, parameter, gradient, count);
  }
  const auto n = static_cast<Blas::Size>(count);
  Scratch<Real> decayed;
  form_decayed_gradient(term, parameter, gradient, count, decayed);
  const double weight_norm = Blas::norm(n, parameter);
  const double update_norm = Blas::norm(n, decayed.data());
  if (!trusted<Real>(weight_norm) || !trusted<Real>(update_norm)) {
    return kReferenceKernels.table<Real>().sum_squares(term, parameter, gradient, count);
  }
  return {weight_norm * weight_norm, update_norm * update_norm};
}

/// Whether BLAS's scal would lose NaN or Inf, which must propagate as in the reference: OpenBLAS scales by 0
/// by writing zeros, and so does its sscal by NaN. Of the factors, only the step scale can be NaN.
template <class Real>
bool loses_nonfinite(const MomentumUpdate<Real>& term) {
  return term.gradient.gradient_scale == Real{0} || term.step_scale == Real{0} ||
         !std::isfinite(term.step_scale) || term.momentum == Real{0};
}

/// Advances the momentum. Leaves Δ in `increment`.
template <class Real>
void advance(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient, Real* momentum,
             std::size_t count, Scratch<Real>& increment) {
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
}

template <class Real>
void apply(const MomentumUpdate<Real>& term, Real* parameter, const Real* gradient, Real* momentum,
           std::size_t count) {
  if (loses_nonfinite(term)) {
    return kReferenceKernels.table<Real>().apply(term, parameter, gradient, momentum, count);
  }
  Scratch<Real> increment;
  advance(term, parameter, gradient, momentum, count, increment);
  Blas::add_scaled(static_cast<Blas::Size>(count), Real{1}, increment.data(), parameter);
}

template <class Real>
void write(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient, Real* momentum,
           Real* update, std::size_t count) {
  if (loses_nonfinite(term)) {
    return kReferenceKernels.table<Real>().write(term, parameter, gradient, momentum, update, count);
  }
  Scratch<Real> increment;
  advance(term, parameter, gradient, momentum, count, increment);
  Blas::copy(static_cast<Blas::Size>(count), increment.data(), update);
}

}  // namespace

const KernelSet kBlasKernels = {"blas",
                                {sum_squares<float>, apply<float>, write<float>},
                                {sum_squares<double>, apply<double>, write<double>}};

}  // namespace lars
