// The SIMD kernels for one instruction set; simd.cpp includes this file once for each. One fused loop a pass.
//
// The parts: vectors of elements of every type (simd_elements), the formula (simd_formula), sums (simd_sums).
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

#include "kernels/elements.h"
#include "kernels/simd_elements-inl.h"
#include "kernels/simd_formula-inl.h"
#include "kernels/simd_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lars::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <ElementType parameter_type, ElementType gradient_type>
struct SimdKernels {
  using Real = Compute<parameter_type>;
  using D = hn::ScalableTag<Real>;
  static constexpr std::size_t kN = hn::MaxLanes(D());
  static constexpr std::size_t kVectors = kLanes / kN;  // of a row

  /// Whether ragged ends take one masked vector.
  static constexpr bool kMasked = kMaskedAccess<parameter_type> && kMaskedAccess<gradient_type>;

  // ---- Sums

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

  struct Values {  // w, u, d and where it was cut; 0, or anything, where the wanted sums do not need them
    hn::Vec<D> weight;
    hn::Vec<D> update;
    hn::Vec<D> gradient;
    hn::Vec<D> cut;
  };

  template <Form kForm>
  static HWY_INLINE Values values_of(const DecayedGradientVector<D>& form, hn::Vec<D> weight,
                                     hn::Vec<D> gradient) {
    const auto scaled = form.template scaled<kForm>(gradient);
    const auto cut = kForm == Form::clipped ? form.cut(gradient) : hn::Zero(D());
    return {weight, form.template decayed<kForm>(weight, scaled), scaled, cut};
  }

  /// The weights from element i on, if the wanted sums depend on them: leaving them out saves reading them.
  template <Sums kWanted, Form kForm, class... Mask>
  static HWY_INLINE hn::Vec<D> load_weight(const DecayedGradientVector<D>& form, Weights weights,
                                           std::size_t i, Mask... mask) {
    const bool decays = kForm == Form::decayed || (kForm == Form::clipped && form.decay);
    if (!has_weight(kWanted) && !decays) return hn::Zero(D());
    return load<parameter_type>(D(), weights, i, mask...);
  }

  template <Sums kWanted, Form kForm, class... Mask>
  static HWY_INLINE Values load_values(const DecayedGradientVector<D>& form, Weights weights,
                                       const void* gradient, std::size_t i, Mask... mask) {
    const auto weight = load_weight<kWanted, kForm>(form, weights, i, mask...);
    if constexpr (!has_update(kWanted)) return {weight, weight, weight, hn::Zero(D())};
    return values_of<kForm>(form, weight, load<gradient_type>(D(), gradient, i, mask...));
  }

  /// Adds the first `count` elements of a row, of which values(k * kN, mask) gives vector k. What is missing
  /// adds +0, which changes no bit: no sum here is ever -0. A function, not a lambda: gcc would call that,
  /// and pass all sums through memory.
  template <Sums kWanted, Form kForm, class RowValues>
  static HWY_INLINE void add_present(RowSums<Real, kWanted>& sums, std::size_t count,
                                     const RowValues& values) {
    unrolled<kVectors>([&](auto k) HWY_ATTR {
      const std::size_t present = count > k * kN ? std::min<std::size_t>(count - k * kN, kN) : 0;
      const auto mask = hn::FirstN(D(), present);
      const Values v = values(k * kN, mask);
      sums.template add<k>(hn::IfThenElseZero(mask, v.weight), hn::IfThenElseZero(mask, v.update),
                           hn::IfThenElseZero(mask, v.gradient));
      if constexpr (kForm == Form::clipped) sums.note(hn::IfThenElseZero(mask, v.cut));
    });
  }

  /// Adds the row from element i on, of which `count` elements are there, fewer than kLanes.
  template <Sums kWanted, Form kForm>
  static HWY_INLINE void add_last_row(RowSums<Real, kWanted>& sums, const DecayedGradientVector<D>& form,
                                      Weights weights, const void* gradient, std::size_t i,
                                      std::size_t count) {
    if (count == 0) return;
    if constexpr (kMasked) {
      add_present<kWanted, kForm>(sums, count, [&](std::size_t from, auto mask) HWY_ATTR {
        return load_values<kWanted, kForm>(form, weights, gradient, i + from, mask);
      });
    } else {
      const LastRow row(weights, gradient, i, count);
      add_present<kWanted, kForm>(sums, count, [&](std::size_t from, auto /*mask*/) HWY_ATTR {
        return load_values<kWanted, kForm>(form, row.weights(), row.gradient(), from);
      });
    }
  }

  template <Sums kWanted, Form kForm>
  static Moments sum_as(const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                        std::size_t count) {
    const DecayedGradientVector<D> form(D(), term);
    RowSums<Real, kWanted> sums;
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      unrolled<kVectors>([&](auto k) HWY_ATTR {
        const Values v = load_values<kWanted, kForm>(form, weights, gradient, i + k * kN);
        sums.template add<k>(v.weight, v.update, v.gradient);
        if constexpr (kForm == Form::clipped) sums.note(v.cut);
      });
    }
    add_last_row<kWanted, kForm>(sums, form, weights, gradient, i, count - i);
    return sums.totals();
  }

  static Moments sum_nothing(const DecayedGradient<Real>& /*term*/, Weights /*weights*/,
                             const void* /*gradient*/, std::size_t /*count*/) {
    return {};
  }

  static Moments sum(Sums which, const DecayedGradient<Real>& term, Weights weights, const void* gradient,
                     std::size_t count) {
    using enum Sums;
    using enum Form;
    static constexpr auto* kWeight = &sum_as<weight, plain>;
    static constexpr decltype(&sum_nothing) kSums[][3] = {
        {sum_nothing, sum_nothing, sum_nothing},
        {kWeight, kWeight, kWeight},
        {sum_as<update, plain>, sum_as<update, decayed>, sum_as<update, clipped>},
        {sum_as<both, plain>, sum_as<both, decayed>, sum_as<both, clipped>},
        {sum_as<all, plain>, sum_as<all, decayed>, sum_as<all, clipped>}};
    return kSums[static_cast<std::size_t>(which)][static_cast<std::size_t>(form_of(term))](term, weights,
                                                                                           gradient, count);
  }

  // ---- Update

  /// Adds Δ to the weights, and returns what they are then.
  struct Apply {
    MutableWeights weights;
    template <class D, class... Mask>
    HWY_INLINE hn::Vec<D> operator()(D d, std::size_t i, hn::Vec<D> weight, hn::Vec<D> increment,
                                     Mask... mask) const {
      return store<parameter_type>(d, hn::Add(weight, increment), weights, i, mask...);
    }
    void element(std::size_t i, Real weight, Real increment) const {
      lars::store<parameter_type>(weight + increment, weights, i);
    }
  };

  /// Writes Δ elsewhere.
  struct Write {
    Real* update;
    template <class D, class... Mask>
    HWY_INLINE void operator()(D d, std::size_t i, hn::Vec<D> /*weight*/, hn::Vec<D> increment,
                               Mask... mask) const {
      store_numbers(d, increment, update + i, mask...);
    }
    void element(std::size_t i, Real /*weight*/, Real increment) const { update[i] = increment; }
  };

  /// Advances the momentum of a vector of elements from i on; use(d, i, w, Δ, mask...) does the rest.
  template <Form kForm, bool kNesterov, class D, class Use, class... Mask>
  static HWY_INLINE auto advance_vector(D d, const MomentumUpdateVector<D>& update, Weights weights,
                                        const void* gradient, Real* momentum, std::size_t i, const Use& use,
                                        Mask... mask) {
    const auto weight = load<parameter_type>(d, weights, i, mask...);
    auto velocity = load_numbers(d, momentum + i, mask...);
    const auto increment = update.template increment<kForm, kNesterov>(
        weight, load<gradient_type>(d, gradient, i, mask...), velocity);
    store_numbers(d, velocity, momentum + i, mask...);
    return use(d, i, weight, increment, mask...);
  }

  /// Advances the momentum of the elements from i to count - 1: in vectors of D, then one masked vector.
  /// Without masks in hardware, in vectors half as long, and so on; the last elements one by one.
  template <Form kForm, bool kNesterov, class D, class Use>
  static HWY_INLINE void advance(D d, std::size_t i, const MomentumUpdate<Real>& term, Weights weights,
                                 const void* gradient, Real* momentum, std::size_t count, const Use& use) {
    constexpr std::size_t kLength = hn::MaxLanes(D());
    const MomentumUpdateVector<D> update(d, term);
    for (; i + kLength <= count; i += kLength) {
      advance_vector<kForm, kNesterov>(d, update, weights, gradient, momentum, i, use);
    }
    if constexpr (kMasked) {
      if (i == count) return;
      const auto mask = hn::FirstN(d, count - i);
      advance_vector<kForm, kNesterov>(d, update, weights, gradient, momentum, i, use, mask);
    } else if constexpr (kLength > 4) {
      advance<kForm, kNesterov>(hn::Half<D>(), i, term, weights, gradient, momentum, count, use);
    } else {
      for (; i < count; ++i) {
        const Real weight = lars::load<parameter_type>(weights, i);
        const Real slope = lars::load<gradient_type>(gradient, i);
        use.element(i, weight, increment<kForm, kNesterov>(term, weight, slope, momentum[i]));
      }
    }
  }

  template <Form kForm, bool kNesterov>
  static void apply_from(std::size_t i, const MomentumUpdate<Real>& term, MutableWeights weights,
                         const void* gradient, Real* momentum, std::size_t count) {
    advance<kForm, kNesterov>(D(), i, term, weights, gradient, momentum, count, Apply{weights});
  }

  static void apply(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                    Real* momentum, std::size_t count) {
    static constexpr decltype(&apply_from<Form::plain, false>) kForms[][2] = {
        {apply_from<Form::plain, false>, apply_from<Form::plain, true>},
        {apply_from<Form::decayed, false>, apply_from<Form::decayed, true>},
        {apply_from<Form::clipped, false>, apply_from<Form::clipped, true>}};
    const Form form = form_of(term.gradient);
    kForms[static_cast<std::size_t>(form)][term.nesterov](0, term, weights, gradient, momentum, count);
  }

  template <Form kForm, bool kNesterov>
  static double apply_and_sum_as(const MomentumUpdate<Real>& term, MutableWeights weights,
                                 const void* gradient, Real* momentum, std::size_t count) {
    const MomentumUpdateVector<D> update(D(), term);
    const Apply apply{weights};
    RowSums<Real, Sums::weight> sums;
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      unrolled<kVectors>([&](auto k) HWY_ATTR {
        const auto weight =
            advance_vector<kForm, kNesterov>(D(), update, weights, gradient, momentum, i + k * kN, apply);
        sums.template add<k>(weight, weight, weight);
      });
    }
    if (i < count) apply_from<kForm, kNesterov>(i, term, weights, gradient, momentum, count);
    add_last_row<Sums::weight, Form::plain>(sums, update.gradient, weights, nullptr, i, count - i);
    return sums.totals().weight;
  }

  static double apply_and_sum(const MomentumUpdate<Real>& term, MutableWeights weights, const void* gradient,
                              Real* momentum, std::size_t count) {
    static constexpr decltype(&apply_and_sum) kForms[][2] = {
        {apply_and_sum_as<Form::plain, false>, apply_and_sum_as<Form::plain, true>},
        {apply_and_sum_as<Form::decayed, false>, apply_and_sum_as<Form::decayed, true>},
        {apply_and_sum_as<Form::clipped, false>, apply_and_sum_as<Form::clipped, true>}};
    const Form form = form_of(term.gradient);
    return kForms[static_cast<std::size_t>(form)][term.nesterov](term, weights, gradient, momentum, count);
  }

  template <Form kForm, bool kNesterov>
  static void write_as(const MomentumUpdate<Real>& term, Weights weights, const void* gradient,
                       Real* momentum, Real* update, std::size_t count) {
    advance<kForm, kNesterov>(D(), 0, term, weights, gradient, momentum, count, Write{update});
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

  // ---- Accumulation

  /// The accumulator's vector from element i on, as it is stored.
  template <bool kFirst>
  static HWY_INLINE hn::Vec<D> accumulate_vector(const void* gradient, Real* accumulator, std::size_t i) {
    auto value = load<gradient_type>(D(), gradient, i);
    if constexpr (!kFirst) value = hn::Add(hn::LoadU(D(), accumulator + i), value);
    hn::StoreU(value, D(), accumulator + i);
    return value;
  }

  template <bool kFirst>
  static HWY_INLINE void accumulate_from(std::size_t i, const void* gradient, Real* accumulator,
                                         std::size_t count) {
    for (; i + kN <= count; i += kN) accumulate_vector<kFirst>(gradient, accumulator, i);
    for (; i < count; ++i) {
      const Real value = lars::load<gradient_type>(gradient, i);
      accumulator[i] = kFirst ? value : accumulator[i] + value;
    }
  }

  static void accumulate(const void* gradient, Real* accumulator, bool first, std::size_t count) {
    if (first) return accumulate_from<true>(0, gradient, accumulator, count);
    accumulate_from<false>(0, gradient, accumulator, count);
  }

  using OfAccumulator = SimdKernels<parameter_type, compute_type(parameter_type)>;

  template <Sums kWanted, Form kForm>
  static Moments accumulate_and_sum_as(const DecayedGradient<Real>& term, Weights weights,
                                       const void* gradient, Real* accumulator, std::size_t count) {
    const DecayedGradientVector<D> form(D(), term);
    RowSums<Real, kWanted> sums;
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      unrolled<kVectors>([&](auto k) HWY_ATTR {
        const auto weight = load_weight<kWanted, kForm>(form, weights, i + k * kN);
        const auto accumulated = accumulate_vector<false>(gradient, accumulator, i + k * kN);
        const Values v = values_of<kForm>(form, weight, accumulated);
        sums.template add<k>(v.weight, v.update, v.gradient);
        if constexpr (kForm == Form::clipped) sums.note(v.cut);
      });
    }
    accumulate_from<false>(i, gradient, accumulator, count);
    OfAccumulator::template add_last_row<kWanted, kForm>(sums, form, weights, accumulator, i, count - i);
    return sums.totals();
  }

  static Moments accumulate_and_sum(Sums which, const DecayedGradient<Real>& term, Weights weights,
                                    const void* gradient, Real* accumulator, bool first, std::size_t count) {
    if (first || !has_update(which)) {  // rare: a batch of one micro-batch, or one that is not summed
      accumulate(gradient, accumulator, first, count);
      return OfAccumulator::sum(which, term, weights, accumulator, count);
    }
    using enum Sums;
    using enum Form;
    static constexpr decltype(&accumulate_and_sum_as<update, plain>) kSums[][3] = {
        {accumulate_and_sum_as<update, plain>, accumulate_and_sum_as<update, decayed>,
         accumulate_and_sum_as<update, clipped>},
        {accumulate_and_sum_as<both, plain>, accumulate_and_sum_as<both, decayed>,
         accumulate_and_sum_as<both, clipped>},
        {accumulate_and_sum_as<all, plain>, accumulate_and_sum_as<all, decayed>,
         accumulate_and_sum_as<all, clipped>}};
    const auto row = static_cast<std::size_t>(which) - static_cast<std::size_t>(update);
    return kSums[row][static_cast<std::size_t>(form_of(term))](term, weights, gradient, accumulator, count);
  }

  static constexpr KernelTable<Real> table = {sum,   apply,      apply_and_sum,
                                              write, accumulate, accumulate_and_sum};
};

constexpr KernelSet simd_kernels(const char* name) { return make_kernel_set<SimdKernels>(name); }

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
