// Recipes: hyper-parameters that others have found, by the size of the batch.
#pragma once

#include <cstdint>

namespace lars {

/// One row of MLPerf's reference convergence points for ResNet-50 on ImageNet with LARS, to 75.9 % (mlcommons
/// logging, rcp_checker 4.0); of the epochs, the most.
struct MlperfRow {
  std::uint64_t batch;
  double learning_rate;
  std::uint64_t warmup_epochs;
  double momentum;
  double weight_decay;
  std::uint64_t epochs;
};

/// What the rules fix: η, ε, and the decay's end and power.
inline constexpr double kMlperfTrustCoefficient = 0.001;
inline constexpr double kMlperfEndLearningRate = 1e-4;
inline constexpr double kMlperfPower = 2.0;

/// The row whose batch is nearest to `batch` by ratio.
const MlperfRow& mlperf_row(std::uint64_t batch);

}  // namespace lars
