#include "nonfinite.h"

#include <algorithm>
#include <cmath>

namespace lars {
namespace {

template <class Number, class IsBad>
std::uint64_t count(const void* buffer, std::uint64_t elements, const IsBad& is_bad) {
  const auto* numbers = static_cast<const Number*>(buffer);
  return static_cast<std::uint64_t>(std::count_if(numbers, numbers + elements, is_bad));
}

/// Of 16-bit numbers: all bits of the exponent set.
std::uint64_t count_words(const void* buffer, std::uint64_t elements, std::uint16_t exponent) {
  return count<std::uint16_t>(buffer, elements,
                              [exponent](std::uint16_t word) { return (word & exponent) == exponent; });
}

}  // namespace

std::uint64_t count_nonfinite(ElementType type, const void* buffer, std::uint64_t elements) {
  switch (type) {
    case ElementType::f16: return count_words(buffer, elements, 0x7c00);
    case ElementType::bf16: return count_words(buffer, elements, 0x7f80);
    case ElementType::f32: return count<float>(buffer, elements, [](float x) { return !std::isfinite(x); });
    case ElementType::f64: return count<double>(buffer, elements, [](double x) { return !std::isfinite(x); });
  }
  return 0;
}

}  // namespace lars
