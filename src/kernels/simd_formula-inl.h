// The formula for vectors of elements, for one instruction set; simd-inl.h includes this file once for each.
//
// Bits: every lane does the operations of elements.h, in their order. Highway's Mul and Add are not
// contracted (-ffp-contract=off).
#if defined(LARS_KERNELS_SIMD_FORMULA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LARS_KERNELS_SIMD_FORMULA_INL_H_
#undef LARS_KERNELS_SIMD_FORMULA_INL_H_
#else
#define LARS_KERNELS_SIMD_FORMULA_INL_H_
#endif

#include <hwy/highway.h>

#include <limits>

#include "kernels/elements.h"

HWY_BEFORE_NAMESPACE();
namespace lars::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The factors of DecayedGradient.
template <class D>
struct DecayedGradientVector {
  using V = hn::Vec<D>;
  V gradient_scale;
  V weight_decay;
  V limit;
  V clip_scale;
  bool decay;

  HWY_INLINE DecayedGradientVector(D d, const DecayedGradient<hn::TFromD<D>>& term)
      : gradient_scale(hn::Set(d, term.gradient_scale)),
        weight_decay(hn::Set(d, term.weight_decay)),
        limit(hn::Set(d, term.limit)),
        clip_scale(hn::Set(d, term.clip_scale)),
        decay(term.decay) {}

  /// d.
  template <Form kForm>
  HWY_INLINE V scaled(V gradient) const {
    const V scaled = hn::Mul(gradient_scale, gradient);
    if constexpr (kForm != Form::clipped) {
      return scaled;
    } else {
      const V magnitude = hn::Abs(scaled);
      const V within = hn::IfThenElse(hn::Gt(magnitude, limit), hn::CopySign(limit, scaled), scaled);
      const V infinity = hn::Set(D(), std::numeric_limits<hn::TFromD<D>>::infinity());
      return hn::IfThenElse(hn::Lt(magnitude, infinity), hn::Mul(clip_scale, within), scaled);
    }
  }

  /// Where its limit, which may be 0 in this type, cuts d, Inf; elsewhere 0.
  HWY_INLINE V cut(V gradient) const {
    const V magnitude = hn::Abs(hn::Mul(gradient_scale, gradient));
    const V infinity = hn::Set(D(), std::numeric_limits<hn::TFromD<D>>::infinity());
    return hn::IfThenElseZero(hn::And(hn::Gt(magnitude, limit), hn::Lt(magnitude, infinity)), infinity);
  }

  /// u, from d.
  template <Form kForm>
  HWY_INLINE V decayed(V weight, V scaled) const {
    if constexpr (kForm == Form::plain) {
      return scaled;
    } else {
      if (kForm == Form::clipped && !decay) return scaled;
      return hn::Add(scaled, hn::Mul(weight_decay, weight));
    }
  }
};

/// The factors of MomentumUpdate.
template <class D>
struct MomentumUpdateVector {
  using V = hn::Vec<D>;
  DecayedGradientVector<D> gradient;
  V step_scale;
  V momentum;
  V nesterov_scale;
  V update_scale;

  HWY_INLINE MomentumUpdateVector(D d, const MomentumUpdate<hn::TFromD<D>>& term)
      : gradient(d, term.gradient),
        step_scale(hn::Set(d, term.step_scale)),
        momentum(hn::Set(d, term.momentum)),
        nesterov_scale(hn::Set(d, term.nesterov_scale)),
        update_scale(hn::Set(d, term.update_scale)) {}

  /// Advances the momentum and returns Δ.
  template <Form kForm, bool kNesterov>
  HWY_INLINE V increment(V weight, V loaded_gradient, V& velocity) const {
    const V slope =
        gradient.template decayed<kForm>(weight, gradient.template scaled<kForm>(loaded_gradient));
    velocity = hn::Add(hn::Mul(step_scale, slope), hn::Mul(momentum, velocity));
    V direction = velocity;
    if (kNesterov) direction = hn::Add(hn::Mul(nesterov_scale, slope), hn::Mul(momentum, velocity));
    return hn::Mul(update_scale, direction);
  }
};

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
