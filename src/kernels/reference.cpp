// The reference kernels: the definition in plain loops.
#include <algorithm>
#include <array>
#include <type_traits>

#include "kernels/elements.h"
#include "kernels/kernels.h"

namespace lars {
namespace {

/// Adds f(i) to lane i mod kLanes, in order of i, then the lanes. f returns both squares of element i.
template <class Squares>
SumsOfSquares sum_in_lanes(std::size_t count, const Squares& squares) {
  std::array<double, kLanes> weight{};
  std::array<double, kLanes> update{};
  const auto add_row = [&](std::size_t first, std::size_t lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const SumsOfSquares element = squares(first + lane);
      weight[lane] += element.weight;
      update[lane] += element.update;
    }
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add_row(i, kLanes);
  add_row(i, count - i);
  return {add_lanes(weight), add_lanes(update)};
}

/// Calls body with std::true_type or std::false_type, so that no loop tests a condition per element.
template <class Body>
auto with_constant(bool condition, const Body& body) {
  return condition ? body(std::true_type{}) : body(std::false_type{});
}

template <class Real>
SumsOfSquares sum_squares(const DecayedGradient<Real>& term, const Real* parameter, const Real* gradient,
                          std::size_t count) {
  return with_constant(term.decay, [&](auto decay) {
    return sum_in_lanes(count, [&](std::size_t i) {
      const double w = parameter[i];
      const double u = decayed_gradient<decay()>(term, parameter[i], gradient[i]);
      return SumsOfSquares{w * w, u * u};
    });
  });
}

/// Calls element(i, Δ_i) for every element, in order.
template <class Real, class Element>
void for_each_increment(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient,
                        Real* momentum, std::size_t count, const Element& element) {
  with_constant(term.gradient.decay, [&](auto decay) {
    with_constant(term.nesterov, [&](auto nesterov) {
      for (std::size_t i = 0; i < count; ++i) {
        element(i, increment<decay(), nesterov()>(term, parameter[i], gradient[i], momentum[i]));
      }
    });
  });
}

template <class Real>
void apply(const MomentumUpdate<Real>& term, Real* parameter, const Real* gradient, Real* momentum,
           std::size_t count) {
  for_each_increment(term, parameter, gradient, momentum, count,
                     [parameter](std::size_t i, Real increment) { parameter[i] += increment; });
}

template <class Real>
void write(const MomentumUpdate<Real>& term, const Real* parameter, const Real* gradient, Real* momentum,
           Real* update, std::size_t count) {
  for_each_increment(term, parameter, gradient, momentum, count,
                     [update](std::size_t i, Real increment) { update[i] = increment; });
}

}  // namespace

const KernelSet kReferenceKernels = {"reference",
                                     {sum_squares<float>, apply<float>, write<float>},
                                     {sum_squares<double>, apply<double>, write<double>}};

SumsOfSquares sum_rescaled_squares(const DecayedGradient<double>& term, const double* parameter,
                                   const double* gradient, std::size_t count, double weight_rescale,
                                   double update_rescale) {
  return with_constant(term.decay, [&](auto decay) {
    return sum_in_lanes(count, [&](std::size_t i) {
      const double w = weight_rescale * parameter[i];
      const double u = update_rescale * decayed_gradient<decay()>(term, parameter[i], gradient[i]);
      return SumsOfSquares{w * w, u * u};
    });
  });
}

}  // namespace lars
