// The formula of one element and the access to elements of every type, written once: the plain loops use them
// for all elements, the SIMD kernels for the ragged end.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <type_traits>

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

/// What of DecayedGradient is in use, as a constant: nothing; decay; clipping, with or without decay.
enum class Form : std::uint8_t { plain, decayed, clipped };

template <class Real>
Form form_of(const DecayedGradient<Real>& term) {
  if (term.clip) return Form::clipped;
  return term.decay ? Form::decayed : Form::plain;
}

/// d.
template <Form kForm, class Real>
Real scaled_gradient(const DecayedGradient<Real>& term, Real gradient) {
  const Real scaled = term.gradient_scale * gradient;
  if (kForm != Form::clipped || !std::isfinite(scaled)) return scaled;
  return term.clip_scale * std::min(std::max(scaled, -term.limit), term.limit);
}

/// Whether its limit cuts d.
template <class Real>
bool is_clipped(const DecayedGradient<Real>& term, Real gradient) {
  const Real scaled = term.gradient_scale * gradient;
  return std::isfinite(scaled) && std::fabs(scaled) > term.limit;
}

/// u, from d.
template <Form kForm, class Real>
Real decayed(const DecayedGradient<Real>& term, Real weight, Real scaled) {
  const bool decay = kForm == Form::clipped ? term.decay : kForm == Form::decayed;
  return decay ? scaled + term.weight_decay * weight : scaled;
}

/// u.
template <Form kForm, class Real>
Real decayed_gradient(const DecayedGradient<Real>& term, Real weight, Real gradient) {
  return decayed<kForm>(term, weight, scaled_gradient<kForm>(term, gradient));
}

/// Advances one element's momentum and returns its increment Δ.
template <Form kForm, bool kNesterov, class Real>
Real increment(const MomentumUpdate<Real>& term, Real weight, Real gradient, Real& momentum) {
  const Real slope = decayed_gradient<kForm>(term.gradient, weight, gradient);
  momentum = term.step_scale * slope + term.momentum * momentum;
  return term.update_scale * (kNesterov ? term.nesterov_scale * slope + term.momentum * momentum : momentum);
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

/// Calls body with the term's form as a constant, so that no loop tests it per element.
template <class Real, class Body>
auto with_form(const DecayedGradient<Real>& term, const Body& body) {
  switch (form_of(term)) {
    case Form::clipped: return body(std::integral_constant<Form, Form::clipped>{});
    case Form::decayed: return body(std::integral_constant<Form, Form::decayed>{});
    case Form::plain: break;
  }
  return body(std::integral_constant<Form, Form::plain>{});
}

/// Likewise, with std::true_type or std::false_type.
template <class Body>
auto with_constant(bool condition, const Body& body) {
  return condition ? body(std::true_type{}) : body(std::false_type{});
}

}  // namespace lars
