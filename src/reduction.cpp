#include "reduction.h"

#include <bit>

namespace lars {

Moments add_many_slots(std::span<const Moments> slots) {
  // Pairing neighbours level by level is the same tree as splitting at the greatest power of two below the
  // size.
  const std::size_t left_size = std::bit_floor(slots.size() - 1);
  return add_slots(slots.first(left_size)) + add_slots(slots.subspan(left_size));
}

}  // namespace lars
