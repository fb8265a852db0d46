// The second look at a tensor whose sums are not finite.
#pragma once

#include <cstdint>

#include "element_type.h"

namespace lars {

/// How many of so many elements are NaN or Inf.
std::uint64_t count_nonfinite(ElementType type, const void* buffer, std::uint64_t elements);

}  // namespace lars
