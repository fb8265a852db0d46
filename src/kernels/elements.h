// The formula of one element, written once for the kernels that are plain loops.
#pragma once

#include <cfloat>

#include "kernels/kernels.h"

#ifdef __FAST_MATH__
#error "liblars promises its bits: build it without -ffast-math"
#endif
static_assert(FLT_EVAL_METHOD == 0,
              "every operation must round to its own type; on 32-bit x86 add -mfpmath=sse");

namespace lars {

template <bool kDecay, class Real>
Real decayed_gradient(const DecayedGradient<Real>& term, Real parameter, Real gradient) {
  const Real scaled = term.gradient_scale * gradient;
  return kDecay ? scaled + term.weight_decay * parameter : scaled;
}

/// Advances one element's momentum and returns its increment Δ.
template <bool kDecay, bool kNesterov, class Real>
Real increment(const MomentumUpdate<Real>& term, Real parameter, Real gradient, Real& momentum) {
  const Real step = term.step_scale * decayed_gradient<kDecay>(term.gradient, parameter, gradient);
  momentum = step + term.momentum * momentum;
  return kNesterov ? step + term.momentum * momentum : momentum;
}

}  // namespace lars
