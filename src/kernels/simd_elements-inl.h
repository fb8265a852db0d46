// Vectors of elements of every type, for one instruction set: what elements.h does for one element, lane by
// lane. simd-inl.h includes this file once for each.
#if defined(LARS_KERNELS_SIMD_ELEMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LARS_KERNELS_SIMD_ELEMENTS_INL_H_
#undef LARS_KERNELS_SIMD_ELEMENTS_INL_H_
#else
#define LARS_KERNELS_SIMD_ELEMENTS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "kernels/elements.h"

HWY_BEFORE_NAMESPACE();
namespace lars::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// ---- 16-bit elements: low_precision.h, lane by lane -----------------------------------------------------

template <class D>
using Bits = hn::Vec<hn::RebindToUnsigned<D>>;

template <class D, class Word>
HWY_INLINE Bits<D> load_words(D /*d*/, const Word* words) {
  const hn::Rebind<std::uint16_t, D> d16;
  return hn::PromoteTo(hn::RebindToUnsigned<D>(),
                       hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(words)));
}

/// Stores the lower halves.
template <class D, class Word>
HWY_INLINE void store_words(D /*d*/, Bits<D> bits, Word* words) {
  // DemoteTo saturates signed numbers; with the lower half sign-extended first it truncates.
  const hn::RebindToSigned<D> i32;
  const hn::Rebind<std::int16_t, decltype(i32)> i16;
  const auto extended = hn::ShiftRight<16>(hn::BitCast(i32, hn::ShiftLeft<16>(bits)));
  hn::StoreU(hn::DemoteTo(i16, extended), i16, reinterpret_cast<std::int16_t*>(words));
}

template <class D>
HWY_INLINE hn::Vec<D> float_from_half(D d, Bits<D> half) {
  const hn::RebindToUnsigned<D> u;
  const auto exponent_bits = hn::Set(u, 0x7c00U << 13);
  const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(u, 0x8000U)));
  const auto shifted = hn::ShiftLeft<13>(hn::And(half, hn::Set(u, 0x7fffU)));
  const auto exponent = hn::And(shifted, exponent_bits);
  const auto normal = hn::Add(shifted, hn::Set(u, (127U - 15U) << 23));
  const auto nonfinite = hn::Add(normal, hn::Set(u, (128U - 16U) << 23));
  const auto subnormal =
      hn::BitCast(u, hn::Sub(hn::BitCast(d, hn::Add(normal, hn::Set(u, 1U << 23))), hn::Set(d, 0x1p-14F)));
  auto bits = hn::IfThenElse(hn::Eq(exponent, exponent_bits), nonfinite, normal);
  bits = hn::IfThenElse(hn::Eq(exponent, hn::Zero(u)), subnormal, bits);
  return hn::BitCast(d, hn::Or(bits, sign));
}

template <class D>
HWY_INLINE Bits<D> half_from_float(D d, hn::Vec<D> value) {
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> i;  // magnitudes compare as signed numbers
  const auto bits = hn::BitCast(u, value);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 0x8000U));
  const auto magnitude = hn::And(bits, hn::Set(u, 0x7fffffffU));
  const auto compare = hn::BitCast(i, magnitude);
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(u, 1));
  const auto normal =
      hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, hn::Set(u, 0xfffU - ((127U - 15U) << 23))), odd));
  const auto subnormal =
      hn::Sub(hn::BitCast(u, hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 0.5F))), hn::Set(u, 0x3f000000U));
  const auto infinite = hn::IfThenElse(hn::RebindMask(u, hn::Gt(compare, hn::Set(i, 0x7f800000))),
                                       hn::Set(u, 0x7e00U), hn::Set(u, 0x7c00U));
  auto half = hn::IfThenElse(hn::RebindMask(u, hn::Lt(compare, hn::Set(i, 0x38800000))), subnormal, normal);
  half = hn::IfThenElse(hn::RebindMask(u, hn::Gt(compare, hn::Set(i, 0x477fffff))), infinite, half);
  return hn::Or(half, sign);
}

/// Whether a 16-bit number with these exponent bits is Inf or NaN.
template <class U, class V>
HWY_INLINE hn::Mask<U> all_set(U u, V bits, std::uint32_t exponent) {
  return hn::Eq(hn::And(bits, hn::Set(u, exponent)), hn::Set(u, exponent));
}

// ---- Access: N elements from element i on ---------------------------------------------------------------

/// Whether the processor has loads and stores that leave alone the memory of lanes that a mask leaves out, be
/// it there or not; in the load and store below a mask may then be the last argument. Loaded lanes that are
/// left out are zero. (HWY_MEM_OPS_MIGHT_FAULT is not asked: HWY_SCALAR claims as much, and reads all lanes.)
template <ElementType type>
inline constexpr bool kMaskedAccess = (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3) &&
                                      element_size(type) >= 4;

template <class D, class T>
HWY_INLINE hn::Vec<D> load_numbers(D d, const T* numbers) {
  return hn::LoadU(d, numbers);
}
template <class D, class T>
HWY_INLINE hn::Vec<D> load_numbers(D d, const T* numbers, hn::Mask<D> mask) {
  return hn::MaskedLoad(mask, d, numbers);
}
template <class D, class T>
HWY_INLINE void store_numbers(D d, hn::Vec<D> v, T* numbers) {
  hn::StoreU(v, d, numbers);
}
template <class D, class T>
HWY_INLINE void store_numbers(D d, hn::Vec<D> v, T* numbers, hn::Mask<D> mask) {
  hn::BlendedStore(v, mask, d, numbers);
}

/// Numbers as they are, widened to the compute type's lanes.
template <ElementType type, class D, class... Mask>
HWY_INLINE hn::Vec<D> load(D d, const void* buffer, std::size_t i, Mask... mask) {
  if constexpr (type == ElementType::f16) {
    return float_from_half(d, load_words(d, static_cast<const std::uint16_t*>(buffer) + i));
  } else if constexpr (type == ElementType::bf16) {
    return hn::BitCast(d, hn::ShiftLeft<16>(load_words(d, static_cast<const std::uint16_t*>(buffer) + i)));
  } else {
    return load_numbers(d, static_cast<const hn::TFromD<D>*>(buffer) + i, mask...);
  }
}

/// join_half, join_bfloat.
template <ElementType type, class D, class... Mask>
HWY_INLINE hn::Vec<D> load(D d, Weights weights, std::size_t i, Mask... mask) {
  if constexpr (type == ElementType::f16) {
    const auto half = load_words(d, static_cast<const std::uint16_t*>(weights.parameter) + i);
    const auto master = hn::LoadU(d, static_cast<const float*>(weights.master) + i);
    const auto same = hn::Eq(half_from_float(d, master), half);
    return hn::IfThenElse(hn::RebindMask(d, same), master, float_from_half(d, half));
  } else if constexpr (type == ElementType::bf16) {
    const hn::RebindToUnsigned<D> u;
    const hn::RebindToSigned<D> s;
    const auto parameter = load_words(d, static_cast<const std::uint16_t*>(weights.parameter) + i);
    const auto words = load_words(d, static_cast<const std::int16_t*>(weights.master) + i);
    const auto lower = hn::BitCast(u, hn::ShiftRight<16>(hn::BitCast(s, hn::ShiftLeft<16>(words))));
    const auto zero = hn::Eq(hn::And(parameter, hn::Set(u, 0x7fffU)), hn::Zero(u));
    const auto below_zero =
        hn::And(hn::VecFromMask(u, zero), hn::BitCast(u, hn::BroadcastSignBit(hn::BitCast(s, lower))));
    const auto ignored = hn::Or(hn::VecFromMask(u, all_set(u, parameter, 0x7f80U)), below_zero);
    return hn::BitCast(d, hn::Add(hn::ShiftLeft<16>(parameter), hn::AndNot(ignored, lower)));
  } else {
    return load<type>(d, weights.parameter, i, mask...);
  }
}

/// split_half, split_bfloat.
template <ElementType type, class D, class... Mask>
HWY_INLINE void store(D d, hn::Vec<D> weight, MutableWeights weights, std::size_t i, Mask... mask) {
  if constexpr (type == ElementType::f16) {
    const hn::RebindToUnsigned<D> u;
    const auto half = half_from_float(d, weight);
    const auto nonfinite = hn::RebindMask(d, all_set(u, half, 0x7c00U));
    const auto master = hn::IfThenElse(nonfinite, float_from_half(d, half), weight);
    store_words(d, half, static_cast<std::uint16_t*>(weights.parameter) + i);
    hn::StoreU(master, d, static_cast<float*>(weights.master) + i);
  } else if constexpr (type == ElementType::bf16) {
    const hn::RebindToUnsigned<D> u;
    const auto bits = hn::BitCast(u, weight);
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Set(u, 0x8000U)));
    const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(u, 0x40U));
    // By its bits: Ne(weight, weight) is true for NaN on some targets only.
    const hn::RebindToSigned<D> i32;
    const auto magnitude = hn::BitCast(i32, hn::And(bits, hn::Set(u, 0x7fffffffU)));
    const auto is_nan = hn::RebindMask(u, hn::Gt(magnitude, hn::Set(i32, 0x7f800000)));
    const auto parameter = hn::IfThenElse(is_nan, quiet, rounded);
    const auto lower = hn::IfThenZeroElse(all_set(u, parameter, 0x7f80U), bits);
    store_words(d, parameter, static_cast<std::uint16_t*>(weights.parameter) + i);
    store_words(d, lower, static_cast<std::int16_t*>(weights.master) + i);
  } else {
    store_numbers(d, weight, static_cast<hn::TFromD<D>*>(weights.parameter) + i, mask...);
  }
}

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
