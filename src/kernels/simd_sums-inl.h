// The sums of the SIMD kernels, for one instruction set: element i goes to binary64 lane i mod kLanes, so a
// row of kLanes elements is spread over as many accumulators as it has vectors of binary64. simd-inl.h
// includes this file once for each.
#if defined(LARS_KERNELS_SIMD_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LARS_KERNELS_SIMD_SUMS_INL_H_
#undef LARS_KERNELS_SIMD_SUMS_INL_H_
#else
#define LARS_KERNELS_SIMD_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <type_traits>
#include <utility>

#include "kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace lars::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls body with 0 to kCount - 1, as constants. gcc and clang keep an array of vectors in registers when
/// every index is a constant; a loop over the array that they do not unroll would go through memory.
template <std::size_t kCount, class Body>
HWY_INLINE void unrolled(const Body& body) {
  [&]<std::size_t... k>(std::index_sequence<k...>) HWY_ATTR {
    (body(std::integral_constant<std::size_t, k>{}), ...);
  }
  (std::make_index_sequence<kCount>{});
}

/// The sum of one product per element.
template <class Real>
class LaneSums {
 public:
  using D = hn::ScalableTag<Real>;
  using D64 = hn::ScalableTag<double>;
  using V = hn::Vec<D>;
  static constexpr std::size_t kVectors = kLanes / hn::MaxLanes(D());  // of a row
  static constexpr std::size_t kSums = kLanes / hn::MaxLanes(D64());
  static_assert(kLanes % hn::MaxLanes(D()) == 0 && (kSums == kVectors || kSums == 2 * kVectors));

  HWY_INLINE LaneSums() {
    unrolled<kSums>([&](auto k) HWY_ATTR { sums_[k] = hn::Zero(D64()); });
  }

  /// Adds the products of vector kVector of a row.
  template <std::size_t kVector>
  HWY_INLINE void add(V a, V b) {
    if constexpr (std::is_same_v<Real, double>) {
      sums_[kVector] = hn::Add(sums_[kVector], hn::Mul(a, b));
    } else {
      const hn::Half<D> half;
      add_widened(2 * kVector, hn::PromoteTo(D64(), LowerHalf(half, a)),
                  hn::PromoteTo(D64(), LowerHalf(half, b)));
      add_widened(2 * kVector + 1, hn::PromoteTo(D64(), UpperHalf(half, a)),
                  hn::PromoteTo(D64(), UpperHalf(half, b)));
    }
  }

  /// The tree of add_lanes: halves are added until one lane is left.
  [[nodiscard]] HWY_INLINE double total() {
    add_halves<kSums>();
    return add_lanes(D64(), sums_[0]);
  }

 private:
  /// The products of binary32 numbers are exact, so fusing changes no bit.
  HWY_INLINE void add_widened(std::size_t sum, hn::Vec<D64> a, hn::Vec<D64> b) {
    sums_[sum] = hn::MulAdd(a, b, sums_[sum]);
  }

  template <std::size_t kCount>
  HWY_INLINE void add_halves() {
    if constexpr (kCount > 1) {
      constexpr std::size_t kHalf = kCount / 2;
      unrolled<kHalf>([&](auto k) HWY_ATTR { sums_[k] = hn::Add(sums_[k], sums_[k + kHalf]); });
      add_halves<kHalf>();
    }
  }

  template <class DSum>
  static HWY_INLINE double add_lanes(DSum /*d*/, hn::Vec<DSum> v) {
    if constexpr (hn::MaxLanes(DSum()) == 1) {
      return hn::GetLane(v);
    } else {
      const hn::Half<DSum> half;
      return add_lanes(half, hn::Add(LowerHalf(half, v), UpperHalf(half, v)));
    }
  }

  hn::Vec<D64> sums_[kSums];
};

/// The sums kWanted.
template <class Real, Sums kWanted>
class RowSums {
 public:
  using V = typename LaneSums<Real>::V;

  /// Not "= default", which gcc would compile for the instruction set of the whole build.
  HWY_INLINE RowSums() {}  // NOLINT(modernize-use-equals-default)

  /// Adds vector kVector of a row: w, u and d.
  template <std::size_t kVector>
  HWY_INLINE void add(V weight, V update, V gradient) {
    if constexpr (has_weight(kWanted)) weights_.template add<kVector>(weight, weight);
    if constexpr (has_update(kWanted)) updates_.template add<kVector>(update, update);
    if constexpr (kWanted == Sums::all) {
      gradients_.template add<kVector>(gradient, gradient);
      products_.template add<kVector>(gradient, weight);
    }
  }

  /// Notes elements whose d was cut: what is not 0.
  HWY_INLINE void note(V cut) { cuts_ = hn::Or(cuts_, cut); }

  [[nodiscard]] HWY_INLINE Moments totals() {
    Moments moments;
    const typename LaneSums<Real>::D d;
    moments.clipped = !hn::AllTrue(d, hn::Eq(cuts_, hn::Zero(d)));
    if constexpr (has_weight(kWanted)) moments.weight = weights_.total();
    if constexpr (has_update(kWanted)) moments.update = updates_.total();
    if constexpr (kWanted == Sums::all) {
      moments.gradient = gradients_.total();
      moments.product = products_.total();
    }
    return moments;
  }

 private:
  V cuts_ = hn::Zero(typename LaneSums<Real>::D());
  LaneSums<Real> weights_;
  LaneSums<Real> updates_;
  LaneSums<Real> gradients_;
  LaneSums<Real> products_;
};

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
