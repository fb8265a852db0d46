#include "reduction.h"

#include <bit>

namespace lars {

SumsOfSquares add_many_slots(std::span<const SumsOfSquares> slots) {
  // Pairing neighbours level by level is the same tree as splitting at the greatest power of two below the
  // size.
  const std::size_t left_size = std::bit_floor(slots.size() - 1);
  const SumsOfSquares left = add_slots(slots.first(left_size));
  const SumsOfSquares right = add_slots(slots.subspan(left_size));
  return {left.weight + right.weight, left.update + right.update};
}

}  // namespace lars
