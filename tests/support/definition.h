// A transcription of docs/semantics.md, written for reading and apart from src/: the bits that a step must
// give.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "lars/lars.h"

namespace lars_test {

struct Settings {
  double learning_rate = 0.1;
  double weight_decay = 0.0;
  bool weight_decay_mask = true;
  double trust_coefficient = 0.001;
  double eps = 0.0;
  bool trust_ratio_mask = true;
  double momentum = 0.9;
  bool nesterov = false;
  double gradient_scale = 1.0;
  int denominator = LARS_DENOMINATOR_DECAYED;
  int outside_momentum = LARS_OUTSIDE_NOTHING;
  bool trust_clip = false;
  double dampening = 0.0;
  bool decay_in_update = true;
  bool zero_norm_decay = true;
  double clip_value = INFINITY;
};

/// Sum of products on the grid of 4096, 16 lanes a chunk, lanes by halves, chunks pairwise.
template <class Real>
double defined_sum_of_products(const std::vector<Real>& x, const std::vector<Real>& y) {
  std::vector<double> sums;
  for (std::size_t begin = 0; begin < x.size(); begin += 4096) {
    double lane[16] = {};
    for (std::size_t i = 0; i < 4096 && begin + i < x.size(); ++i) {
      lane[i % 16] += double{x[begin + i]} * double{y[begin + i]};
    }
    for (int j = 0; j < 8; ++j) lane[j] += lane[j + 8];
    for (int j = 0; j < 4; ++j) lane[j] += lane[j + 4];
    lane[0] += lane[2];
    lane[1] += lane[3];
    sums.push_back(lane[0] + lane[1]);
  }
  if (sums.empty()) return 0.0;
  while (sums.size() > 1) {
    std::vector<double> level;
    for (std::size_t i = 0; i < sums.size(); i += 2) {
      level.push_back(i + 1 < sums.size() ? sums[i] + sums[i + 1] : sums[i]);
    }
    sums = level;
  }
  return sums[0];
}

template <class Real>
double defined_sum_of_squares(const std::vector<Real>& x) {
  return defined_sum_of_products(x, x);
}

/// The norm, of binary64 tensors by a second, scaled sum where the first overflows or is too small to trust.
template <class Real>
double defined_norm(std::vector<Real> x) {
  const double sum = defined_sum_of_squares(x);
  const double scale = std::isinf(sum)               ? std::ldexp(1.0, -600)
                       : sum < std::ldexp(1.0, -960) ? std::ldexp(1.0, 600)
                                                     : 1.0;
  if (sizeof(Real) == 4 || scale == 1.0) return std::sqrt(sum);
  for (Real& value : x) value = static_cast<Real>(value * scale);
  return std::sqrt(defined_sum_of_squares(x)) / scale;
}

template <class Real>
struct DefinedStep {
  std::vector<Real> parameter;
  std::vector<Real> momentum;
  double weight_norm = 0.0;
  double update_norm = 0.0;
  double gradient_norm = 0.0;
  double trust_ratio = 1.0;
  bool first = true;

  /// d, before it is clipped by its global norm.
  std::vector<Real> scaled(const Settings& settings, const std::vector<Real>& gradient) const {
    std::vector<Real> d(gradient.size());
    const auto limit = static_cast<Real>(settings.clip_value);
    for (std::size_t i = 0; i < d.size(); ++i) {
      d[i] = static_cast<Real>(settings.gradient_scale) * gradient[i];
      if (std::isfinite(d[i]) && std::fabs(d[i]) > limit) d[i] = std::copysign(limit, d[i]);
    }
    return d;
  }

  /// One step; clip_scale is what gradients are multiplied by to be clipped by their global norm.
  void step(const Settings& settings, const std::vector<Real>& gradient, double clip_scale = 1.0) {
    const std::vector<Real> d = scaled(settings, gradient);
    const bool decay = settings.weight_decay_mask && settings.weight_decay != 0.0;
    const bool decay_in_norm = decay && settings.denominator == LARS_DENOMINATOR_DECAYED;
    const auto lambda = static_cast<Real>(settings.weight_decay);
    const auto decayed = [&](const std::vector<Real>& slope) {
      std::vector<Real> u(slope.size());
      for (std::size_t i = 0; i < u.size(); ++i) {
        const Real term = lambda * parameter[i];
        u[i] = slope[i] + term;
      }
      return u;
    };
    weight_norm = defined_norm(parameter);
    gradient_norm = clip_scale * defined_norm(d);
    const double decayed_norm = decay ? settings.weight_decay * weight_norm : 0.0;
    if (settings.denominator == LARS_DENOMINATOR_SUM) {
      update_norm = gradient_norm + decayed_norm;
    } else if (!decay_in_norm) {
      update_norm = gradient_norm;
    } else if (clip_scale == 1.0) {
      update_norm = defined_norm(decayed(d));
    } else if (gradient_norm == 0.0 || decayed_norm == 0.0) {
      update_norm = gradient_norm + decayed_norm;
    } else {
      const double lengths =
          std::sqrt(defined_sum_of_squares(d)) * std::sqrt(defined_sum_of_squares(parameter));
      const double cosine = defined_sum_of_products(d, parameter) / lengths;
      const double larger = std::max(gradient_norm, decayed_norm);
      const double a = gradient_norm / larger;
      const double b = decayed_norm / larger;
      update_norm = larger * std::sqrt(std::max(a * a + 2.0 * a * b * cosine + b * b, 0.0));
    }

    const double tested = settings.denominator == LARS_DENOMINATOR_DECAYED ? update_norm : gradient_norm;
    const bool zero = weight_norm == 0.0 || tested == 0.0;
    trust_ratio = 1.0;
    if (settings.trust_ratio_mask && !zero) {
      trust_ratio = settings.trust_coefficient * weight_norm / (update_norm + settings.eps);
      if (settings.trust_clip) trust_ratio = std::min(trust_ratio / settings.learning_rate, 1.0);
    }

    // What enters the momentum.
    const bool clips_values = std::isfinite(settings.clip_value);
    std::vector<Real> x(d.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = clips_values ? static_cast<Real>(clip_scale) * d[i]
                          : static_cast<Real>(settings.gradient_scale * clip_scale) * gradient[i];
    }
    if (decay && settings.decay_in_update && (!zero || settings.zero_norm_decay)) x = decayed(x);

    const double rate = -(settings.learning_rate * trust_ratio);
    double inside = rate;
    double outside = 1.0;
    if (settings.outside_momentum == LARS_OUTSIDE_LEARNING_RATE) {
      inside = trust_ratio;
      outside = -settings.learning_rate;
    } else if (settings.outside_momentum == LARS_OUTSIDE_TRUST_RATIO) {
      inside = 1.0;
      outside = rate;
    }
    const auto whole = static_cast<Real>(inside);
    const auto damped =
        static_cast<Real>(first || settings.momentum == 0.0 ? inside : inside * (1.0 - settings.dampening));
    const auto out = static_cast<Real>(outside);
    const auto mu = static_cast<Real>(settings.momentum);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Real s = damped * x[i];
      const Real carried = mu * momentum[i];
      momentum[i] = s + carried;
      const Real ahead = mu * momentum[i];
      const Real now = whole * x[i];
      const Real direction = settings.nesterov ? now + ahead : momentum[i];
      const Real increment = out * direction;
      parameter[i] += increment;
    }
    first = false;
  }
};

}  // namespace lars_test
