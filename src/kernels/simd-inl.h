// The SIMD kernels for one instruction set; simd.cpp includes this file once for each. One fused loop a pass.
//
// Bits: every lane does the operations of elements.h, in their order. Highway's Mul and Add are not
// contracted
// (-ffp-contract=off). Sums: element i goes to binary64 lane i mod kLanes, so a row of kLanes elements is
// spread over kLanes / N vectors of N lanes, each with its own accumulator.
#if defined(LARS_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LARS_KERNELS_SIMD_INL_H_
#undef LARS_KERNELS_SIMD_INL_H_
#else
#define LARS_KERNELS_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/elements.h"
#include "kernels/simd_elements-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lars::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// ---- Formula --------------------------------------------------------------------------------------------

template <class D>
struct DecayedGradientVector {
  using V = hn::Vec<D>;
  V gradient_scale;
  V weight_decay;

  HWY_INLINE DecayedGradientVector(D d, const DecayedGradient<hn::TFromD<D>>& term)
      : gradient_scale(hn::Set(d, term.gradient_scale)), weight_decay(hn::Set(d, term.weight_decay)) {}

  template <bool kDecay>
  HWY_INLINE V at(V weight, V gradient) const {
    const V scaled = hn::Mul(gradient_scale, gradient);
    return kDecay ? hn::Add(scaled, hn::Mul(weight_decay, weight)) : scaled;
  }
};

template <ElementType parameter_type, ElementType gradient_type>
struct SimdKernels {
  using Real = Compute<parameter_type>;

  // Sums run over vectors as long as those of binary64, updates over vectors of the compute type.
  using D64 = hn::ScalableTag<double>;
  using DHalf = hn::Rebind<Real, D64>;
  using D = hn::ScalableTag<Real>;
  static constexpr std::size_t kN64 = hn::MaxLanes(D64());
  static constexpr std::size_t kVectors = kLanes / kN64;
  static_assert(kLanes % kN64 == 0);

  /// Whether ragged ends take one masked vector.
  static constexpr bool kMasked = kMaskedAccess<parameter_type> && kMaskedAccess<gradient_type>;

  static HWY_INLINE hn::Vec<D64> widen(hn::Vec<DHalf> v) {
    if constexpr (std::is_same_v<Real, double>) {
      return v;
    } else {
      return hn::PromoteTo(D64(), v);
    }
  }

  static HWY_INLINE hn::Vec<D64> add_square(hn::Vec<DHalf> v, hn::Vec<D64> sum) {
    const auto wide = widen(v);
    if constexpr (std::is_same_v<Real, float>) {
      return hn::MulAdd(wide, wide, sum);  // the square is exact, so fusing changes no bit
    } else {
      return hn::Add(sum, hn::Mul(wide, wide));
    }
  }

  /// Calls body with kSize / 2, kSize / 4 ... 1, as constants.
  template <std::size_t kSize, class Body>
  static HWY_INLINE void for_each_half(const Body& body) {
    if constexpr (kSize > 1) {
      body(std::integral_constant<std::size_t, kSize / 2>{});
      for_each_half<kSize / 2>(body);
    }
  }

  // gcc and clang keep an array of vectors in registers when every index is a constant, which it is after
  // unrolling; a loop over the array that they do not unroll would go through memory.
  template <class Body, std::size_t... k>
  static HWY_INLINE void for_each_vector(const Body& body, std::index_sequence<k...> /*vectors*/) {
    (body(std::integral_constant<std::size_t, k>{}), ...);
  }

  struct WeightAndUpdate {
    hn::Vec<DHalf> weight;
    hn::Vec<DHalf> update;
  };

  /// The last, incomplete row of a chunk, in memory that has room for all of it.
  class LastRow {
   public:
    LastRow(Weights weights, const void* gradient, std::size_t first, std::size_t count) {
      copy(parameter_, weights.parameter, element_size(parameter_type), first, count);
      copy(master_, weights.master, master_size(parameter_type), first, count);
      copy(gradient_, gradient, element_size(gradient_type), first, count);
    }
    [[nodiscard]] Weights weights() const { return {parameter_, master_}; }
    [[nodiscard]] const void* gradient() const { return gradient_; }

   private:
    static void copy(std::byte* to, const void* from, std::size_t size, std::size_t first,
                     std::size_t count) {
      if (size != 0 && from != nullptr) {
        std::memcpy(to, static_cast<const std::byte*>(from) + first * size, count * size);
      }
    }
    alignas(64) std::byte parameter_[kLanes * sizeof(Real)] = {};
    alignas(64) std::byte master_[kLanes * sizeof(float)] = {};
    alignas(64) std::byte gradient_[kLanes * sizeof(Real)] = {};
  };

  /// The tree of add_lanes: halves are added until one lane is left.
  static HWY_INLINE double add_lanes(hn::Vec<D64> (&sums)[kVectors]) {
    for_each_half<kVectors>([&](auto half) HWY_ATTR {
      for_each_vector([&](auto k) HWY_ATTR { sums[k] = hn::Add(sums[k], sums[k + half]); },
                      std::make_index_sequence<half>{});
    });
    return add_halves(D64(), sums[0]);
  }
  template <class DSum>
  static HWY_INLINE double add_halves(DSum /*d*/, hn::Vec<DSum> v) {
    if constexpr (hn::MaxLanes(DSum()) == 1) {
      return hn::GetLane(v);
    } else {
      const hn::Half<DSum> half;
      // Not hn::UpperHalf, which HWY_SCALAR does not have.
      return add_halves(half, hn::Add(LowerHalf(half, v), UpperHalf(half, v)));
    }
  }

  /// Adds up to two sums over the same elements: vectors(weights, gradient, i) gives w and u from element i
  /// on.
  template <bool kWeight, bool kUpdate, class Vectors>
  static HWY_INLINE SumsOfSquares sum(Weights weights, const void* gradient, std::size_t count,
                                      const Vectors& vectors) {
    constexpr auto kAll = std::make_index_sequence<kVectors>{};
    hn::Vec<D64> weight_sums[kVectors];
    hn::Vec<D64> update_sums[kVectors];
    for_each_vector([&](auto k) HWY_ATTR { weight_sums[k] = update_sums[k] = hn::Zero(D64()); }, kAll);
    const auto add = [&](auto k, WeightAndUpdate values) HWY_ATTR {
      if constexpr (kWeight) weight_sums[k] = add_square(values.weight, weight_sums[k]);
      if constexpr (kUpdate) update_sums[k] = add_square(values.update, update_sums[k]);
    };
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for_each_vector([&](auto k) HWY_ATTR { add(k, vectors(weights, gradient, i + k * kN64)); }, kAll);
    }
    if (i < count) {
      // What is missing adds +0, which changes no bit of a sum of squares.
      const std::size_t left = count - i;
      const auto add_present = [&](const auto& values) HWY_ATTR {
        for_each_vector(
            [&](auto k) HWY_ATTR {
              const std::size_t present = left > k * kN64 ? std::min<std::size_t>(left - k * kN64, kN64) : 0;
              const auto mask = hn::FirstN(DHalf(), present);
              const WeightAndUpdate v = values(k * kN64, mask);
              add(k, {hn::IfThenElseZero(mask, v.weight), hn::IfThenElseZero(mask, v.update)});
            },
            kAll);
      };
      if constexpr (kMasked) {
        add_present([&](std::size_t from, auto mask)
                        HWY_ATTR { return vectors(weights, gradient, i + from, mask); });
      } else {
        const LastRow row(weights, gradient, i, left);
        add_present([&](std::size_t from, auto /*mask*/)
                        HWY_ATTR { return vectors(row.weights(), row.gradient(), from); });
      }
    }
    return {kWeight ? add_lanes(weight_sums) : 0.0, kUpdate ? add_lanes(update_sums) : 0.0};
  }

  template <bool kWeight, bool kDecay>
  static SumsOfSquares sum_both(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                std::size_t count) {
    const DecayedGradientVector<DHalf> form(DHalf(), term);
    return sum<kWeight, true>(
        weights, gradient, count, [&](Weights w, const void* g, std::size_t i, auto... mask) HWY_ATTR {
          const DHalf d;
          const auto weight = kWeight || kDecay ? load<parameter_type>(d, w, i, mask...) : hn::Zero(d);
          const auto slope = load<gradient_type>(d, g, i, mask...);
          return WeightAndUpdate{weight, form.template at<kDecay>(weight, slope)};
        });
  }

  static SumsOfSquares sum_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                   std::size_t count) {
    return term.decay ? sum_both<true, true>(term, weights, gradient, count)
                      : sum_both<true, false>(term, weights, gradient, count);
  }

  static double sum_update_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                   std::size_t count) {
    return (term.decay ? sum_both<false, true>(term, weights, gradient, count)
                       : sum_both<false, false>(term, {}, gradient, count))
        .update;
  }

  static double sum_weight_squares(Weights weights, std::size_t count) {
    return sum<true, false>(weights, nullptr, count,
                            [&](Weights w, const void* /*g*/, std::size_t i, auto... mask) HWY_ATTR {
                              const auto weight = load<parameter_type>(DHalf(), w, i, mask...);
                              return WeightAndUpdate{weight, weight};
                            })
        .weight;
  }

  /// Advances the momentum of the elements from i on, and gives vectors(d, i, w, Δ, mask...) what is to be
  /// done with the increments: in vectors of D, then one masked vector. Without masks in hardware, in vectors
  /// half as long, and so on; the last elements one by one, with element(i, w, Δ).
  template <bool kDecay, bool kNesterov, class D, class Vectors, class Element>
  static HWY_INLINE void advance(D d, std::size_t i, const MomentumUpdate<Real>& term, Weights weights,
                                 const void* gradient, Real* HWY_RESTRICT momentum, std::size_t count,
                                 const Vectors& vectors, const Element& element) {
    constexpr std::size_t kN = hn::MaxLanes(D());
    const DecayedGradientVector<D> form(d, term.gradient);
    const auto step_scale = hn::Set(d, term.step_scale);
    const auto momentum_factor = hn::Set(d, term.momentum);
    const auto advance_vector = [&](auto... mask) HWY_ATTR {
      const auto weight = load<parameter_type>(d, weights, i, mask...);
      const auto decayed = form.template at<kDecay>(weight, load<gradient_type>(d, gradient, i, mask...));
      const auto step = hn::Mul(step_scale, decayed);
      const auto old = load_numbers(d, momentum + i, mask...);
      const auto advanced = hn::Add(step, hn::Mul(momentum_factor, old));
      store_numbers(d, advanced, momentum + i, mask...);
      vectors(d, i, weight, kNesterov ? hn::Add(step, hn::Mul(momentum_factor, advanced)) : advanced,
              mask...);
    };
    for (; i + kN <= count; i += kN) advance_vector();
    if constexpr (kMasked) {
      if (i < count) advance_vector(hn::FirstN(d, count - i));
    } else if constexpr (kN > 4) {
      advance<kDecay, kNesterov>(hn::Half<D>(), i, term, weights, gradient, momentum, count, vectors,
                                 element);
    } else {
      for (; i < count; ++i) {
        const Real weight = lars::load<parameter_type>(weights, i);
        const Real slope = lars::load<gradient_type>(gradient, i);
        element(i, weight, increment<kDecay, kNesterov>(term, weight, slope, momentum[i]));
      }
    }
  }

  template <bool kDecay, bool kNesterov>
  static void apply_as(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                       Real* momentum, std::size_t count) {
    advance<kDecay, kNesterov>(
        D(), 0, term, weights, gradient, momentum, count,
        [&](auto d, std::size_t i, auto weight, auto increment, auto... mask)
            HWY_ATTR { store<parameter_type>(d, hn::Add(weight, increment), weights, i, mask...); },
        [&](std::size_t i, Real weight, Real increment) {
          lars::store<parameter_type>(weight + increment, weights, i);
        });
  }

  static void apply(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                    Real* momentum, std::size_t count) {
    static constexpr decltype(&apply) kForms[2][2] = {{apply_as<false, false>, apply_as<false, true>},
                                                      {apply_as<true, false>, apply_as<true, true>}};
    kForms[term.gradient.decay][term.nesterov](term, weights, gradient, momentum, count);
  }

  template <bool kDecay, bool kNesterov>
  static void write_as(const MomentumUpdate<Real>& term, Weights weights, const void* gradient,
                       Real* momentum, Real* update, std::size_t count) {
    advance<kDecay, kNesterov>(
        D(), 0, term, weights, gradient, momentum, count,
        [&](auto d, std::size_t i, auto /*weight*/, auto increment, auto... mask)
            HWY_ATTR { store_numbers(d, increment, update + i, mask...); },
        [&](std::size_t i, Real /*weight*/, Real increment) { update[i] = increment; });
  }

  static void write(const MomentumUpdate<Real>& term, Weights weights, const void* gradient, Real* momentum,
                    Real* update, std::size_t count) {
    static constexpr decltype(&write) kForms[2][2] = {{write_as<false, false>, write_as<false, true>},
                                                      {write_as<true, false>, write_as<true, true>}};
    kForms[term.gradient.decay][term.nesterov](term, weights, gradient, momentum, update, count);
  }

  static void accumulate(const void* gradient, Real* accumulator, bool first, std::size_t count) {
    const D d;
    constexpr std::size_t kN = hn::MaxLanes(D());
    std::size_t i = 0;
    for (; i + kN <= count; i += kN) {
      const auto value = load<gradient_type>(d, gradient, i);
      hn::StoreU(first ? value : hn::Add(hn::LoadU(d, accumulator + i), value), d, accumulator + i);
    }
    for (; i < count; ++i) {
      const Real value = lars::load<gradient_type>(gradient, i);
      accumulator[i] = first ? value : accumulator[i] + value;
    }
  }

  static constexpr KernelTable<Real> table = {sum_squares, sum_update_squares, sum_weight_squares, apply,
                                              write,       accumulate};
};

constexpr KernelSet simd_kernels(const char* name) { return make_kernel_set<SimdKernels>(name); }

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
