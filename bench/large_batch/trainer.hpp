// The training loop: epochs of shuffled batches, a step of the optimizer after each, an evaluation after each
// epoch.
#pragma once

#include <optional>
#include <random>

#include "dataset.hpp"
#include "history.hpp"
#include "loss.hpp"
#include "network.hpp"
#include "optimizer.hpp"
#include "progress.hpp"
#include "settings.hpp"

namespace large_batch {

class Trainer {
 public:
  // Throws OptimizerError with the library's message for a setting that it does not allow. The data must
  // outlive it.
  Trainer(const Settings& settings, const Dataset& data);

  // Trains to the end, or until NaN or Inf appears, which sets History::diverged and History::divergence. To
  // be called once. Writes the history as it goes if the settings name a folder for it, which must be there.
  History run(std::FILE* progress_stream);

 private:
  void train_epoch(std::size_t epoch, Progress& progress);
  LossSum train_batch(const std::uint32_t* images, std::size_t count, StepSeconds& seconds);
  LossSum evaluate();
  void load(const Split& split, const std::uint32_t* images, std::size_t count);

  Settings settings_;
  const Dataset& data_;
  std::mt19937_64 random_;  // declared before the network, which draws its initial weights from it
  Network<float> network_;
  std::vector<Parameter<float>*> parameters_;
  std::size_t steps_per_epoch_;
  Optimizer optimizer_;
  History history_;
  std::optional<HistoryFiles> files_;

  std::vector<std::uint32_t> order_;       // of the training images in this epoch
  std::vector<std::uint32_t> test_order_;  // 0, 1, ...
  std::vector<float> input_;               // of one ghost batch
  std::vector<std::uint8_t> labels_;
  std::vector<float> logit_gradient_;
};

}  // namespace large_batch
