// The fixed tree that adds the chunks' partial sums, whoever computed them.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace lars {

/// Σ w² and Σ u² over some elements of one tensor, in binary64.
struct SumsOfSquares {
  double weight = 0.0;
  double update = 0.0;
};

/// Number of binary64 lanes in which a chunk is summed: element i goes to lane i mod kLanes.
inline constexpr std::size_t kLanes = 16;

/// Adds the lanes of one chunk by halves: lane j and j + 8, then j + 4, j + 2, j + 1.
inline double add_lanes(std::array<double, kLanes> lanes) {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

/// add_slots of two and more.
SumsOfSquares add_many_slots(std::span<const SumsOfSquares> slots);

/// Adds chunk sums pairwise by index: (((0 + 1) + (2 + 3)) + ...), an odd one out moving up a level
/// unchanged. The result depends on the slots alone. No slots: zero.
inline SumsOfSquares add_slots(std::span<const SumsOfSquares> slots) {
  if (slots.empty()) return {};
  return slots.size() == 1 ? slots[0] : add_many_slots(slots);
}

}  // namespace lars
