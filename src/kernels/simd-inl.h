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
#include <limits>
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

/// The sums that a pass over some elements forms: those of sum_squares and sum_moments, or one of them alone.
enum class Wanted : std::uint8_t { weight, update, squares, moments };

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

  static HWY_INLINE hn::Vec<D64> add_product(hn::Vec<D64> a, hn::Vec<D64> b, hn::Vec<D64> sum) {
    if constexpr (std::is_same_v<Real, float>) {
      return hn::MulAdd(a, b, sum);  // the product is exact, so fusing changes no bit
    } else {
      return hn::Add(sum, hn::Mul(a, b));
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

  struct Values {  // w, u and d
    hn::Vec<DHalf> weight;
    hn::Vec<DHalf> update;
    hn::Vec<DHalf> gradient;
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

  /// The wanted sums over the same elements: vectors(weights, gradient, i, mask...) gives w, u and d from
  /// element i on.
  template <Wanted kWanted, class Vectors>
  static HWY_INLINE Moments sum(Weights weights, const void* gradient, std::size_t count,
                                const Vectors& vectors) {
    constexpr auto kAll = std::make_index_sequence<kVectors>{};
    hn::Vec<D64> weight_sums[kVectors];
    hn::Vec<D64> update_sums[kVectors];
    hn::Vec<D64> gradient_sums[kVectors];
    hn::Vec<D64> product_sums[kVectors];
    for_each_vector(
        [&](auto k) HWY_ATTR {
          weight_sums[k] = update_sums[k] = gradient_sums[k] = product_sums[k] = hn::Zero(D64());
        },
        kAll);
    const auto add = [&](auto k, const Values& values) HWY_ATTR {
      const auto weight = widen(values.weight);
      const auto update = widen(values.update);
      if constexpr (kWanted != Wanted::update) weight_sums[k] = add_product(weight, weight, weight_sums[k]);
      if constexpr (kWanted != Wanted::weight) update_sums[k] = add_product(update, update, update_sums[k]);
      if constexpr (kWanted == Wanted::moments) {
        const auto slope = widen(values.gradient);
        gradient_sums[k] = add_product(slope, slope, gradient_sums[k]);
        product_sums[k] = add_product(slope, weight, product_sums[k]);
      }
    };
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for_each_vector([&](auto k) HWY_ATTR { add(k, vectors(weights, gradient, i + k * kN64)); }, kAll);
    }
    if (i < count) {
      // What is missing adds +0, which changes no bit: no sum here is ever -0.
      const std::size_t left = count - i;
      const auto add_present = [&](const auto& values) HWY_ATTR {
        for_each_vector(
            [&](auto k) HWY_ATTR {
              const std::size_t present = left > k * kN64 ? std::min<std::size_t>(left - k * kN64, kN64) : 0;
              const auto mask = hn::FirstN(DHalf(), present);
              const Values v = values(k * kN64, mask);
              add(k, {hn::IfThenElseZero(mask, v.weight), hn::IfThenElseZero(mask, v.update),
                      hn::IfThenElseZero(mask, v.gradient)});
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
    Moments sums;
    if constexpr (kWanted != Wanted::update) sums.weight = add_lanes(weight_sums);
    if constexpr (kWanted != Wanted::weight) sums.update = add_lanes(update_sums);
    if constexpr (kWanted == Wanted::moments) {
      sums.gradient = add_lanes(gradient_sums);
      sums.product = add_lanes(product_sums);
    }
    return sums;
  }

  template <Wanted kWanted, Form kForm>
  static Moments sum_as(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                        std::size_t count) {
    const DecayedGradientVector<DHalf> form(DHalf(), term);
    return sum<kWanted>(
        weights, gradient, count, [&](Weights w, const void* g, std::size_t i, auto... mask) HWY_ATTR {
          const DHalf d;
          // Without decay, lars_accumulate may have no weights.
          auto weight = hn::Zero(d);
          if (kWanted != Wanted::update || kForm == Form::decayed || (kForm == Form::clipped && form.decay)) {
            weight = load<parameter_type>(d, w, i, mask...);
          }
          const auto scaled = form.template scaled<kForm>(load<gradient_type>(d, g, i, mask...));
          return Values{weight, form.template decayed<kForm>(weight, scaled), scaled};
        });
  }

  template <Wanted kWanted>
  static Moments sum_in_form(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                             std::size_t count) {
    static constexpr decltype(&sum_in_form<kWanted>) kForms[] = {
        sum_as<kWanted, Form::plain>, sum_as<kWanted, Form::decayed>, sum_as<kWanted, Form::clipped>};
    return kForms[static_cast<std::size_t>(form_of(term))](term, weights, gradient, count);
  }

  static Moments sum_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                             std::size_t count) {
    return sum_in_form<Wanted::squares>(term, weights, gradient, count);
  }

  static double sum_update_squares(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                                   std::size_t count) {
    return sum_in_form<Wanted::update>(term, weights, gradient, count).update;
  }

  static double sum_weight_squares(Weights weights, std::size_t count) {
    return sum<Wanted::weight>(weights, nullptr, count,
                               [&](Weights w, const void* /*g*/, std::size_t i, auto... mask) HWY_ATTR {
                                 const auto weight = load<parameter_type>(DHalf(), w, i, mask...);
                                 return Values{weight, weight, weight};
                               })
        .weight;
  }

  static Moments sum_moments(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                             std::size_t count) {
    return sum_in_form<Wanted::moments>(term, weights, gradient, count);
  }

  /// Advances the momentum of the elements from i on, and gives vectors(d, i, w, Δ, mask...) what is to be
  /// done with the increments: in vectors of D, then one masked vector. Without masks in hardware, in vectors
  /// half as long, and so on; the last elements one by one, with element(i, w, Δ).
  template <Form kForm, bool kNesterov, class D, class Vectors, class Element>
  static HWY_INLINE void advance(D d, std::size_t i, const MomentumUpdate<Real>& term, Weights weights,
                                 const void* gradient, Real* HWY_RESTRICT momentum, std::size_t count,
                                 const Vectors& vectors, const Element& element) {
    constexpr std::size_t kN = hn::MaxLanes(D());
    const DecayedGradientVector<D> form(d, term.gradient);
    const auto step_scale = hn::Set(d, term.step_scale);
    const auto momentum_factor = hn::Set(d, term.momentum);
    const auto nesterov_scale = hn::Set(d, term.nesterov_scale);
    const auto update_scale = hn::Set(d, term.update_scale);
    const auto advance_vector = [&](auto... mask) HWY_ATTR {
      const auto weight = load<parameter_type>(d, weights, i, mask...);
      const auto scaled = form.template scaled<kForm>(load<gradient_type>(d, gradient, i, mask...));
      const auto slope = form.template decayed<kForm>(weight, scaled);
      const auto old = load_numbers(d, momentum + i, mask...);
      const auto advanced = hn::Add(hn::Mul(step_scale, slope), hn::Mul(momentum_factor, old));
      store_numbers(d, advanced, momentum + i, mask...);
      auto direction = advanced;
      if (kNesterov) direction = hn::Add(hn::Mul(nesterov_scale, slope), hn::Mul(momentum_factor, advanced));
      vectors(d, i, weight, hn::Mul(update_scale, direction), mask...);
    };
    for (; i + kN <= count; i += kN) advance_vector();
    if constexpr (kMasked) {
      if (i < count) advance_vector(hn::FirstN(d, count - i));
    } else if constexpr (kN > 4) {
      advance<kForm, kNesterov>(hn::Half<D>(), i, term, weights, gradient, momentum, count, vectors, element);
    } else {
      for (; i < count; ++i) {
        const Real weight = lars::load<parameter_type>(weights, i);
        const Real slope = lars::load<gradient_type>(gradient, i);
        element(i, weight, increment<kForm, kNesterov>(term, weight, slope, momentum[i]));
      }
    }
  }

  template <Form kForm, bool kNesterov>
  static void apply_as(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                       Real* momentum, std::size_t count) {
    advance<kForm, kNesterov>(
        D(), 0, term, weights, gradient, momentum, count,
        [&](auto d, std::size_t i, auto weight, auto increment, auto... mask)
            HWY_ATTR { store<parameter_type>(d, hn::Add(weight, increment), weights, i, mask...); },
        [&](std::size_t i, Real weight, Real increment) {
          lars::store<parameter_type>(weight + increment, weights, i);
        });
  }

  static void apply(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                    Real* momentum, std::size_t count) {
    static constexpr decltype(&apply) kForms[][2] = {
        {apply_as<Form::plain, false>, apply_as<Form::plain, true>},
        {apply_as<Form::decayed, false>, apply_as<Form::decayed, true>},
        {apply_as<Form::clipped, false>, apply_as<Form::clipped, true>}};
    const Form form = form_of(term.gradient);
    kForms[static_cast<std::size_t>(form)][term.nesterov](term, weights, gradient, momentum, count);
  }

  template <Form kForm, bool kNesterov>
  static void write_as(const MomentumUpdate<Real>& term, Weights weights, const void* gradient,
                       Real* momentum, Real* update, std::size_t count) {
    advance<kForm, kNesterov>(
        D(), 0, term, weights, gradient, momentum, count,
        [&](auto d, std::size_t i, auto /*weight*/, auto increment, auto... mask)
            HWY_ATTR { store_numbers(d, increment, update + i, mask...); },
        [&](std::size_t i, Real /*weight*/, Real increment) { update[i] = increment; });
  }

  static void write(const MomentumUpdate<Real>& term, Weights weights, const void* gradient, Real* momentum,
                    Real* update, std::size_t count) {
    static constexpr decltype(&write) kForms[][2] = {
        {write_as<Form::plain, false>, write_as<Form::plain, true>},
        {write_as<Form::decayed, false>, write_as<Form::decayed, true>},
        {write_as<Form::clipped, false>, write_as<Form::clipped, true>}};
    const Form form = form_of(term.gradient);
    kForms[static_cast<std::size_t>(form)][term.nesterov](term, weights, gradient, momentum, update, count);
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

  static constexpr KernelTable<Real> table = {
      sum_squares, sum_update_squares, sum_weight_squares, sum_moments, apply, write, accumulate};
};

constexpr KernelSet simd_kernels(const char* name) { return make_kernel_set<SimdKernels>(name); }

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
