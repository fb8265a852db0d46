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

/// Lanes of 16 bits, as many as D has.
template <class D>
using D16 = hn::Rebind<std::uint16_t, D>;
template <class D>
using Words = hn::Vec<D16<D>>;

template <class D, class Word>
HWY_INLINE Words<D> load_words(D /*d*/, const Word* words) {
  return hn::LoadU(D16<D>(), reinterpret_cast<const std::uint16_t*>(words));
}

template <class D, class Word>
HWY_INLINE void store_words(D /*d*/, Words<D> bits, Word* words) {
  hn::StoreU(bits, D16<D>(), reinterpret_cast<std::uint16_t*>(words));
}

/// The lower halves of lanes of 32 bits.
template <class D>
HWY_INLINE Words<D> lower_words(D /*d*/, hn::Vec<hn::RebindToUnsigned<D>> bits) {
  // DemoteTo saturates signed numbers; with the lower half sign-extended first it truncates.
  const hn::RebindToSigned<D> i32;
  const hn::Rebind<std::int16_t, D> i16;
  const auto extended = hn::ShiftRight<16>(hn::BitCast(i32, hn::ShiftLeft<16>(bits)));
  return hn::BitCast(D16<D>(), hn::DemoteTo(i16, extended));
}

/// Whether a number with these exponent bits is Inf or NaN.
template <class U>
HWY_INLINE hn::Mask<U> all_set(U u, hn::Vec<U> bits, hn::TFromD<U> exponent) {
  return hn::Eq(hn::And(bits, hn::Set(u, exponent)), hn::Set(u, exponent));
}

/// Whether Highway converts binary16 by the processor's instructions for it, of which those of x86 round as
/// told, to nearest, and take no notice of subnormal numbers being flushed to zero. (Those of ARM are as the
/// host set them.)
#if (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3) && !defined(HWY_DISABLE_F16C)

template <class D>
HWY_INLINE hn::Vec<D> float_from_half(D d, Words<D> half) {
  return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), half));
}

template <class D>
HWY_INLINE Words<D> half_from_float(D /*d*/, hn::Vec<D> value) {
  const D16<D> u16;
  const hn::RebindToSigned<D16<D>> i16;
  const auto half = hn::BitCast(u16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), value));
  // NaN has kept its payload.
  const auto magnitude = hn::BitCast(i16, hn::And(half, hn::Set(u16, 0x7fff)));
  const auto is_nan = hn::RebindMask(u16, hn::Gt(magnitude, hn::Set(i16, 0x7c00)));
  if (HWY_LIKELY(hn::AllFalse(u16, is_nan))) return half;
  const auto nan = hn::Or(hn::And(half, hn::Set(u16, 0x8000)), hn::Set(u16, 0x7e00));
  return hn::IfThenElse(is_nan, nan, half);
}

#else

template <class D>
HWY_INLINE hn::Vec<D> float_from_half(D d, Words<D> words) {
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> i;
  const auto half = hn::PromoteTo(u, words);
  const auto exponent_bits = hn::Set(u, 0x7c00U << 13);
  const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(u, 0x8000U)));
  const auto shifted = hn::ShiftLeft<13>(hn::And(half, hn::Set(u, 0x7fffU)));
  const auto exponent = hn::And(shifted, exponent_bits);
  const auto normal = hn::Add(shifted, hn::Set(u, (127U - 15U) << 23));
  const auto nonfinite = hn::Add(normal, hn::Set(u, (128U - 16U) << 23));
  const auto significand = hn::ConvertTo(d, hn::BitCast(i, hn::And(half, hn::Set(u, 0x3ffU))));
  const auto subnormal = hn::BitCast(u, hn::Mul(significand, hn::Set(d, 0x1p-24F)));
  auto bits = hn::IfThenElse(hn::Eq(exponent, exponent_bits), nonfinite, normal);
  bits = hn::IfThenElse(hn::Eq(exponent, hn::Zero(u)), subnormal, bits);
  return hn::BitCast(d, hn::Or(bits, sign));
}

/// half_from_float of magnitudes below 2^-14. (Others would be shifted too far.)
template <class U>
HWY_INLINE hn::Vec<U> subnormal_half(U u, hn::Vec<U> magnitude) {
  const auto one = hn::Set(u, 1U);
  const auto significand = hn::Or(hn::And(magnitude, hn::Set(u, 0x7fffffU)), hn::Set(u, 0x800000U));
  const auto shift = hn::Min(hn::Sub(hn::Set(u, 126U), hn::ShiftRight<23>(magnitude)), hn::Set(u, 25U));
  const auto odd = hn::And(hn::Shr(significand, shift), one);
  const auto below_half = hn::Sub(hn::Shl(one, hn::Sub(shift, one)), one);
  return hn::Shr(hn::Add(hn::Add(significand, below_half), odd), shift);
}

template <class D>
HWY_INLINE Words<D> half_from_float(D d, hn::Vec<D> value) {
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> i;  // magnitudes compare as signed numbers
  const auto bits = hn::BitCast(u, value);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 0x8000U));
  const auto magnitude = hn::And(bits, hn::Set(u, 0x7fffffffU));
  const auto compare = hn::BitCast(i, magnitude);
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(u, 1));
  auto half = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, hn::Set(u, 0xfffU - ((127U - 15U) << 23))), odd));
  const auto small = hn::RebindMask(u, hn::Lt(compare, hn::Set(i, 0x38800000)));
  const auto large = hn::RebindMask(u, hn::Gt(compare, hn::Set(i, 0x477fffff)));
  if (HWY_UNLIKELY(!hn::AllFalse(u, hn::Or(small, large)))) {
    const auto infinite = hn::IfThenElse(hn::RebindMask(u, hn::Gt(compare, hn::Set(i, 0x7f800000))),
                                         hn::Set(u, 0x7e00U), hn::Set(u, 0x7c00U));
    half = hn::IfThenElse(small, subnormal_half(u, hn::IfThenElseZero(small, magnitude)),
                          hn::IfThenElse(large, infinite, half));
  }
  return lower_words(d, hn::Or(half, sign));
}

#endif

/// A mask for lanes of D, from one for lanes of 16 bits.
template <class D>
HWY_INLINE hn::Mask<D> widen_mask(D d, hn::Mask<D16<D>> mask) {
  const hn::Rebind<std::int16_t, D> i16;
  const hn::RebindToSigned<D> i32;
  const auto lanes = hn::BitCast(i16, hn::VecFromMask(D16<D>(), mask));
  return hn::RebindMask(d, hn::MaskFromVec(hn::PromoteTo(i32, lanes)));
}

// ---- Access: N elements from element i on ---------------------------------------------------------------

/// Whether the processor has loads and stores that leave alone the memory of lanes that a mask leaves out, be
/// it there or not; in the load and store below a mask may then be the last argument. Loaded lanes that are
/// left out are zero.
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
    const hn::RebindToUnsigned<D> u;
    const auto words = load_words(d, static_cast<const std::uint16_t*>(buffer) + i);
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(u, words)));
  } else {
    return load_numbers(d, static_cast<const hn::TFromD<D>*>(buffer) + i, mask...);
  }
}

/// join_half.
template <class D>
HWY_INLINE hn::Vec<D> join_half(D d, Words<D> half, hn::Vec<D> master) {
  const auto same = hn::Eq(half_from_float(d, master), half);
  if (HWY_LIKELY(hn::AllTrue(D16<D>(), same))) return master;
  return hn::IfThenElse(widen_mask(d, same), master, float_from_half(d, half));
}

/// join_bfloat.
template <class D>
HWY_INLINE hn::Vec<D> join_bfloat(D d, Words<D> parameter, Words<D> words) {
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> s;
  const hn::RebindToSigned<D16<D>> s16;
  const auto upper = hn::ShiftLeft<16>(hn::PromoteTo(u, parameter));
  const auto lower = hn::BitCast(u, hn::PromoteTo(s, hn::BitCast(s16, words)));
  const auto joined = hn::Add(upper, lower);
  // Where the lower half is ignored, the sum is near Inf or above: below it lies no other case.
  const auto magnitude = hn::BitCast(s, hn::And(joined, hn::Set(u, 0x7fffffffU)));
  if (HWY_LIKELY(hn::AllFalse(s, hn::Gt(magnitude, hn::Set(s, 0x7f7f7fff))))) return hn::BitCast(d, joined);
  const auto zero = hn::Eq(hn::Add(upper, upper), hn::Zero(u));
  const auto negative = hn::RebindMask(u, hn::Lt(hn::BitCast(s, lower), hn::Zero(s)));
  const auto ignored = hn::Or(all_set(u, upper, 0x7f800000U), hn::And(zero, negative));
  return hn::BitCast(d, hn::IfThenElse(ignored, upper, joined));
}

/// The weights from element i on.
template <ElementType type, class D, class... Mask>
HWY_INLINE hn::Vec<D> load(D d, Weights weights, std::size_t i, Mask... mask) {
  if constexpr (type == ElementType::f16) {
    const auto half = load_words(d, static_cast<const std::uint16_t*>(weights.parameter) + i);
    return join_half(d, half, hn::LoadU(d, static_cast<const float*>(weights.master) + i));
  } else if constexpr (type == ElementType::bf16) {
    const auto parameter = load_words(d, static_cast<const std::uint16_t*>(weights.parameter) + i);
    return join_bfloat(d, parameter, load_words(d, static_cast<const std::int16_t*>(weights.master) + i));
  } else {
    return load<type>(d, weights.parameter, i, mask...);
  }
}

/// split_half. The parameter; the weight becomes the master.
template <class D>
HWY_INLINE Words<D> split_half(D d, hn::Vec<D>& weight) {
  const auto half = half_from_float(d, weight);
  const auto nonfinite = all_set(D16<D>(), half, 0x7c00);
  if (HWY_UNLIKELY(!hn::AllFalse(D16<D>(), nonfinite))) {
    weight = hn::IfThenElse(widen_mask(d, nonfinite), float_from_half(d, half), weight);
  }
  return half;
}

/// split_bfloat. The parameter; the weight becomes what the two stand for.
template <class D>
HWY_INLINE Words<D> split_bfloat(D d, hn::Vec<D>& weight, Words<D>& lower) {
  const hn::RebindToUnsigned<D> u;
  const hn::RebindToSigned<D> s;
  const hn::Rebind<std::int16_t, D> s16;
  const D16<D> u16;
  const auto bits = hn::BitCast(u, weight);
  lower = lower_words(d, bits);
  const auto upper = hn::BitCast(u16, hn::DemoteTo(s16, hn::ShiftRight<16>(hn::BitCast(s, weight))));
  auto parameter = hn::Add(upper, hn::ShiftRight<15>(lower));
  // Inf and NaN, and what may round to Inf.
  const auto magnitude = hn::BitCast(s16, hn::And(upper, hn::Set(u16, 0x7fff)));
  if (HWY_UNLIKELY(!hn::AllFalse(s16, hn::Gt(magnitude, hn::Set(s16, 0x7f7e))))) {
    // By its bits: Ne(weight, weight) is true for NaN on some targets only.
    const auto wide = hn::BitCast(s, hn::And(bits, hn::Set(u, 0x7fffffffU)));
    const auto is_nan = hn::RebindMask(u, hn::Gt(wide, hn::Set(s, 0x7f800000)));
    const auto rounded = hn::Add(bits, hn::Set(u, 0x8000U));
    const auto quiet = hn::Or(bits, hn::Set(u, 0x400000U));
    const auto chosen = hn::And(hn::IfThenElse(is_nan, quiet, rounded), hn::Set(u, 0xffff0000U));
    const auto nonfinite = all_set(u, chosen, 0x7f800000U);
    parameter = lower_words(d, hn::ShiftRight<16>(chosen));
    lower = lower_words(d, hn::IfThenZeroElse(nonfinite, bits));
    weight = hn::IfThenElse(hn::RebindMask(d, nonfinite), hn::BitCast(d, chosen), weight);
  }
  return parameter;
}

/// Stores weights from element i on, and returns what load will return.
template <ElementType type, class D, class... Mask>
HWY_INLINE hn::Vec<D> store(D d, hn::Vec<D> weight, MutableWeights weights, std::size_t i, Mask... mask) {
  if constexpr (type == ElementType::f16) {
    const auto half = split_half(d, weight);
    store_words(d, half, static_cast<std::uint16_t*>(weights.parameter) + i);
    hn::StoreU(weight, d, static_cast<float*>(weights.master) + i);
  } else if constexpr (type == ElementType::bf16) {
    Words<D> lower;
    const auto parameter = split_bfloat(d, weight, lower);
    store_words(d, parameter, static_cast<std::uint16_t*>(weights.parameter) + i);
    store_words(d, lower, static_cast<std::int16_t*>(weights.master) + i);
  } else {
    store_numbers(d, weight, static_cast<hn::TFromD<D>*>(weights.parameter) + i, mask...);
  }
  return weight;
}

}  // namespace lars::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
