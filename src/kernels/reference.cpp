// The reference kernels: the definition in plain loops.
#include <algorithm>
#include <array>
#include <type_traits>

#include "kernels/elements.h"
#include "kernels/kernels.h"

namespace lars {
namespace {

/// Adds product(i) to lane i mod kLanes, in order of i, then the lanes.
template <class Product>
double sum_in_lanes(std::size_t count, const Product& product) {
  std::array<double, kLanes> sums{};
  const auto add_row = [&](std::size_t first, std::size_t lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += product(first + lane);
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add_row(i, kLanes);
  add_row(i, count - i);
  return add_lanes(sums);
}

double squared(double value) { return value * value; }

template <ElementType parameter_type, ElementType gradient_type>
struct ReferenceKernels {
  using Real = Compute<parameter_type>;

  static double sum_weight_squares(Weights weights, std::size_t count) {
    return sum_in_lanes(count, [&](std::size_t i) { return squared(load<parameter_type>(weights, i)); });
  }

  static double sum_update_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                   std::size_t count) {
    return with_form(term, [&](auto form) {
      return sum_in_lanes(count, [&](std::size_t i) {
        const Real weight = term.decay ? load<parameter_type>(weights, i) : Real{0};
        return squared(decayed_gradient<form()>(term, weight, load<gradient_type>(gradient, i)));
      });
    });
  }

  static Moments sum(Sums which, const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                     std::size_t count) {
    Moments sums;
    if (has_weight(which)) sums.weight = sum_weight_squares(weights, count);
    if (has_update(which)) {
      sums.update = sum_update_squares(term, weights, gradient, count);
      for (std::size_t i = 0; term.clip && !sums.clipped && i < count; ++i) {
        sums.clipped = is_clipped(term, Real{load<gradient_type>(gradient, i)});
      }
    }
    if (which != Sums::all) return sums;
    with_form(term, [&](auto form) {
      const auto scaled = [&](std::size_t i) {
        return double{scaled_gradient<form()>(term, load<gradient_type>(gradient, i))};
      };
      sums.gradient = sum_in_lanes(count, [&](std::size_t i) { return squared(scaled(i)); });
      sums.product =
          sum_in_lanes(count, [&](std::size_t i) { return scaled(i) * load<parameter_type>(weights, i); });
    });
    return sums;
  }

  /// Calls element(i, w_i, Δ_i) for every element, in order.
  template <class Element>
  static void for_each_increment(const MomentumUpdate<Real>& term, Weights weights, const void* gradient,
                                 Real* momentum, std::size_t count, const Element& element) {
    with_form(term.gradient, [&](auto form) {
      with_constant(term.nesterov, [&](auto nesterov) {
        for (std::size_t i = 0; i < count; ++i) {
          const Real weight = load<parameter_type>(weights, i);
          element(i, weight,
                  increment<form(), nesterov()>(term, weight, load<gradient_type>(gradient, i), momentum[i]));
        }
      });
    });
  }

  static void apply(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                    Real* momentum, std::size_t count) {
    for_each_increment(term, weights, gradient, momentum, count,
                       [weights](std::size_t i, Real weight, Real increment) {
                         store<parameter_type>(weight + increment, weights, i);
                       });
  }

  static double apply_and_sum(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                              Real* momentum, std::size_t count) {
    apply(term, weights, gradient, momentum, count);
    return sum_weight_squares(weights, count);
  }

  static void write(const MomentumUpdate<Real>& term, Weights weights, const void* gradient, Real* momentum,
                    Real* update, std::size_t count) {
    for_each_increment(term, weights, gradient, momentum, count,
                       [update](std::size_t i, Real /*weight*/, Real increment) { update[i] = increment; });
  }

  static void accumulate(const void* gradient, Real* accumulator, bool first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Real value = load<gradient_type>(gradient, i);
      accumulator[i] = first ? value : accumulator[i] + value;
    }
  }

  static Moments accumulate_and_sum(Sums which, const DecayedGradient<Real>& term, Weights weights,
                                    const void* gradient, Real* accumulator, bool first, std::size_t count) {
    accumulate(gradient, accumulator, first, count);
    using OfAccumulator = ReferenceKernels<parameter_type, compute_type(parameter_type)>;
    return OfAccumulator::sum(which, term, weights, accumulator, count);
  }

  static constexpr KernelTable<Real> table = {sum,   apply,      apply_and_sum,
                                              write, accumulate, accumulate_and_sum};
};

}  // namespace

constexpr KernelSet kReferenceKernels = make_kernel_set<ReferenceKernels>("reference");

Moments sum_rescaled_moments(const DecayedGradient<double>& term, const double* parameter,
                             const double* gradient, std::size_t count, const Rescale& rescale) {
  return with_form(term, [&](auto form) {
    std::array<double, kLanes> weights{};
    std::array<double, kLanes> updates{};
    std::array<double, kLanes> gradients{};
    std::array<double, kLanes> products{};
    for (std::size_t i = 0; i < count; ++i) {
      const double weight = rescale.weight * parameter[i];
      const double update = rescale.update * decayed_gradient<form()>(term, parameter[i], gradient[i]);
      const double scaled = rescale.gradient * scaled_gradient<form()>(term, gradient[i]);
      weights[i % kLanes] += squared(weight);
      updates[i % kLanes] += squared(update);
      gradients[i % kLanes] += squared(scaled);
      products[i % kLanes] += scaled * weight;
    }
    return Moments{
        add_lanes(weights), add_lanes(updates), add_lanes(gradients), add_lanes(products),
        term.clip && std::any_of(gradient, gradient + count, [&](double g) { return is_clipped(term, g); })};
  });
}

}  // namespace lars
