// A transcription of docs/semantics.md, written for reading and apart from src/: the bits that a step must
// give.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

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
};

/// Sum of squares on the grid of 4096, 16 lanes a chunk, lanes by halves, chunks pairwise.
template <class Real>
double defined_sum_of_squares(const std::vector<Real>& x) {
  std::vector<double> sums;
  for (std::size_t begin = 0; begin < x.size(); begin += 4096) {
    double lane[16] = {};
    for (std::size_t i = 0; i < 4096 && begin + i < x.size(); ++i) {
      const double value = x[begin + i];
      lane[i % 16] += value * value;
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
  double trust_ratio = 1.0;

  void step(const Settings& settings, const std::vector<Real>& gradient) {
    std::vector<Real> u(parameter.size());
    const bool decay = settings.weight_decay_mask && settings.weight_decay != 0.0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      const Real scaled = static_cast<Real>(settings.gradient_scale) * gradient[i];
      const Real decayed = static_cast<Real>(settings.weight_decay) * parameter[i];
      u[i] = decay ? scaled + decayed : scaled;
    }
    weight_norm = defined_norm(parameter);
    update_norm = defined_norm(u);
    trust_ratio = 1.0;
    if (settings.trust_ratio_mask && weight_norm != 0.0 && update_norm != 0.0) {
      trust_ratio = settings.trust_coefficient * weight_norm / (update_norm + settings.eps);
    }
    const auto a = static_cast<Real>(-(settings.learning_rate * trust_ratio));
    const auto mu = static_cast<Real>(settings.momentum);
    for (std::size_t i = 0; i < u.size(); ++i) {
      const Real s = a * u[i];
      const Real carried = mu * momentum[i];
      momentum[i] = s + carried;
      const Real ahead = mu * momentum[i];
      parameter[i] += settings.nesterov ? s + ahead : momentum[i];
    }
  }
};

}  // namespace lars_test
