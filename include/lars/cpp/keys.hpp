/**
 * @file
 * The numbers of lars.h as types: keys, choices, and what calls tell of parameters and steps.
 */
#ifndef LARS_CPP_KEYS_HPP
#define LARS_CPP_KEYS_HPP

#include <cstdint>
#include <string_view>

#include "../lars.h"
#include "views.hpp"

namespace lars {
inline namespace cpp {

/// Hyper-parameters; meanings, ranges and defaults are those of lars.h.
enum class Key : std::int32_t {
  learning_rate = LARS_LEARNING_RATE,
  weight_decay = LARS_WEIGHT_DECAY,
  weight_decay_mask = LARS_WEIGHT_DECAY_MASK,
  trust_coefficient = LARS_TRUST_COEFFICIENT,
  eps = LARS_EPS,
  trust_ratio_mask = LARS_TRUST_RATIO_MASK,
  momentum = LARS_MOMENTUM,
  nesterov = LARS_NESTEROV,
  gradient_scale = LARS_GRADIENT_SCALE,
  denominator = LARS_DENOMINATOR,
  outside_momentum = LARS_OUTSIDE_MOMENTUM,
  trust_clip = LARS_TRUST_CLIP,
  dampening = LARS_DAMPENING,
  decay_in_update = LARS_DECAY_IN_UPDATE,
  zero_norm_decay = LARS_ZERO_NORM_DECAY,
  clip_value = LARS_CLIP_VALUE,
};

enum class Variant : std::int32_t {
  optax = LARS_VARIANT_OPTAX,
  paper = LARS_VARIANT_PAPER,
  torch = LARS_VARIANT_TORCH,
  larc = LARS_VARIANT_LARC,
  barlow = LARS_VARIANT_BARLOW,
  tf = LARS_VARIANT_TF,
};

enum class NonfinitePolicy : std::int32_t {
  refuse = LARS_NONFINITE_REFUSE,
  skip = LARS_NONFINITE_SKIP,
  propagate = LARS_NONFINITE_PROPAGATE,
};

enum class Telemetry : std::int32_t {
  weight_norm = LARS_TELEMETRY_WEIGHT_NORM,
  gradient_norm = LARS_TELEMETRY_GRADIENT_NORM,
  update_norm = LARS_TELEMETRY_UPDATE_NORM,
  trust_ratio = LARS_TELEMETRY_TRUST_RATIO,
  effective_rate = LARS_TELEMETRY_EFFECTIVE_RATE,
  limited_share = LARS_TELEMETRY_LIMITED_SHARE,
  skipped_share = LARS_TELEMETRY_SKIPPED_SHARE,
};

/// A parameter; name and shape belong to the optimizer.
struct Parameter {
  std::uint32_t index = 0;
  std::string_view name;
  Type type = Type::f32;
  Span<const std::int64_t> shape;
};

struct Norms {
  double weight_norm = 0.0;
  double update_norm = 0.0;
  double trust_ratio = 0.0;
};

struct Skips {
  std::uint64_t consecutive = 0;
  std::uint64_t total = 0;
};

struct Nonfinite {
  std::uint32_t index = 0;
  std::uint64_t parameter_elements = 0;
  std::uint64_t gradient_elements = 0;
};

struct Accumulated {
  std::uint32_t accumulated = 0;
  std::uint32_t micro_batches = 1;
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_KEYS_HPP
