#include "variant.h"

#include <array>

#include "error.h"

namespace lars {
namespace {

constexpr double kDecayed = LARS_DENOMINATOR_DECAYED;
constexpr double kSum = LARS_DENOMINATOR_SUM;
constexpr double kNothing = LARS_OUTSIDE_NOTHING;
constexpr double kLearningRate = LARS_OUTSIDE_LEARNING_RATE;
constexpr double kTrustRatio = LARS_OUTSIDE_TRUST_RATIO;

using Choices = std::array<Choice, 5>;

constexpr Choices choices(double denominator, double outside, bool clip, bool decay_in_update,
                          bool zero_norm_decay) {
  return {{{Key::denominator, denominator},
           {Key::outside_momentum, outside},
           {Key::trust_clip, clip ? 1.0 : 0.0},
           {Key::decay_in_update, decay_in_update ? 1.0 : 0.0},
           {Key::zero_norm_decay, zero_norm_decay ? 1.0 : 0.0}}};
}

// By LARS_VARIANT_*. docs/variants.md has the formulas and who uses them.
constexpr std::array<Choices, 6> kVariants = {
    choices(kDecayed, kNothing, false, true, true),       // optax
    choices(kSum, kNothing, false, true, true),           // the paper's algorithm 1, MLPerf
    choices(kSum, kLearningRate, false, true, true),      // over torch.optim.SGD
    choices(kSum, kLearningRate, true, true, false),      // LARC
    choices(kDecayed, kLearningRate, false, true, true),  // Barlow Twins
    choices(kSum, kTrustRatio, false, false, true),       // tf.contrib
};
static_assert(LARS_VARIANT_OPTAX == 0 && LARS_VARIANT_PAPER == 1 && LARS_VARIANT_TORCH == 2 &&
              LARS_VARIANT_LARC == 3 && LARS_VARIANT_BARLOW == 4 && LARS_VARIANT_TF == 5);

}  // namespace

std::span<const Choice> variant_choices(std::int32_t variant) {
  if (variant < 0 || variant >= static_cast<std::int32_t>(kVariants.size())) {
    fail(LARS_ERR_ARGUMENT,
         "variant {} is unknown; the variants are LARS_VARIANT_OPTAX (0) to LARS_VARIANT_TF ({})", variant,
         kVariants.size() - 1);
  }
  return kVariants[static_cast<std::size_t>(variant)];
}

}  // namespace lars
