// The formula of one element and the access to elements of every type, written once: the plain loops use them
// for all elements, the SIMD kernels for the ragged end.
#pragma once

#include <cfloat>

#include "kernels/kernels.h"
#include "low_precision.h"

#ifdef __FAST_MATH__
#error "liblars promises its bits: build it without -ffast-math"
#endif
static_assert(FLT_EVAL_METHOD == 0,
              "every operation must round to its own type; on 32-bit x86 add -mfpmath=sse");

namespace lars {

template <ElementType type>
using Compute = std::conditional_t<compute_type(type) == ElementType::f64, double, float>;

// ---- Formula --------------------------------------------------------------------------------------------

template <bool kDecay, class Real>
Real decayed_gradient(const DecayedGradient<Real>& term, Real weight, Real gradient) {
  const Real scaled = term.gradient_scale * gradient;
  return kDecay ? scaled + term.weight_decay * weight : scaled;
}

/// Advances one element's momentum and returns its increment Δ.
template <bool kDecay, bool kNesterov, class Real>
Real increment(const MomentumUpdate<Real>& term, Real weight, Real gradient, Real& momentum) {
  const Real step = term.step_scale * decayed_gradient<kDecay>(term.gradient, weight, gradient);
  momentum = step + term.momentum * momentum;
  return kNesterov ? step + term.momentum * momentum : momentum;
}

// ---- Access ---------------------------------------------------------------------------------------------

/// Element i of a buffer of numbers, widened to binary32 if it has 16 bits.
template <ElementType type>
auto load(const void* buffer, std::size_t i) {
  if constexpr (type == ElementType::f16) {
    return float_from_half(static_cast<const std::uint16_t*>(buffer)[i]);
  } else if constexpr (type == ElementType::bf16) {
    return float_from_bfloat(static_cast<const std::uint16_t*>(buffer)[i]);
  } else {
    return static_cast<const Compute<type>*>(buffer)[i];
  }
}

template <ElementType type>
Compute<type> load(Weights weights, std::size_t i) {
  if constexpr (type == ElementType::f16) {
    return join_half(static_cast<const std::uint16_t*>(weights.parameter)[i],
                     static_cast<const float*>(weights.master)[i]);
  } else if constexpr (type == ElementType::bf16) {
    return join_bfloat(static_cast<const std::uint16_t*>(weights.parameter)[i],
                       static_cast<const std::int16_t*>(weights.master)[i]);
  } else {
    return load<type>(weights.parameter, i);
  }
}

template <ElementType type>
void store(Compute<type> weight, MutableWeights weights, std::size_t i) {
  if constexpr (type == ElementType::f16) {
    static_cast<std::uint16_t*>(weights.parameter)[i] =
        split_half(weight, static_cast<float*>(weights.master)[i]);
  } else if constexpr (type == ElementType::bf16) {
    static_cast<std::uint16_t*>(weights.parameter)[i] =
        split_bfloat(weight, static_cast<std::int16_t*>(weights.master)[i]);
  } else {
    static_cast<Compute<type>*>(weights.parameter)[i] = weight;
  }
}

// ---- Loops ----------------------------------------------------------------------------------------------

/// Calls body with std::true_type or std::false_type, so that no loop tests a condition per element.
template <class Body>
auto with_constant(bool condition, const Body& body) {
  return condition ? body(std::true_type{}) : body(std::false_type{});
}

}  // namespace lars
