// The fixed tree that adds the chunks' partial sums, whoever computed them.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace lars {

/// Second moments over some elements of one tensor, in binary64: Σ w², Σ u², Σ d² and Σ d w, where d is the
/// gradient as it enters u = d + λ w. The last two sums are formed only where something asks for them, else
/// 0.
struct Moments {
  double weight = 0.0;
  double update = 0.0;
  double gradient = 0.0;
  double product = 0.0;
  bool clipped = false;  // whether any d_i was cut at its limit

  friend Moments operator+(const Moments& a, const Moments& b) {
    return {a.weight + b.weight, a.update + b.update, a.gradient + b.gradient, a.product + b.product,
            a.clipped || b.clipped};
  }
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
Moments add_many_slots(std::span<const Moments> slots);

/// Adds chunk sums pairwise by index: (((0 + 1) + (2 + 3)) + ...), an odd one out moving up a level
/// unchanged. The result depends on the slots alone. No slots: zero.
inline Moments add_slots(std::span<const Moments> slots) {
  if (slots.empty()) return {};
  return slots.size() == 1 ? slots[0] : add_many_slots(slots);
}

}  // namespace lars
