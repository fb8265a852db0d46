// lars-train: trains a small network on Fashion-MNIST with LARS or with momentum SGD.
#include <cblas.h>
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "pictures.hpp"
#include "trainer.hpp"

namespace large_batch {
namespace {

constexpr int kExitError = 1;
constexpr int kExitDiverged = 3;

void print_start(const Settings& settings) {
  fmt::print(
      "{} with {}: batch {}, {} epochs, learning rate {:.4g} (excluded parameters {:.4g}), warm-up {} "
      "epochs, "
      "{} schedule, weight decay {}, momentum {}, seed {}, {} thread{}\n",
      settings.model, name_of(settings.optimizer), settings.batch, settings.epochs, settings.learning_rate,
      settings.excluded_learning_rate, settings.warmup_epochs, name_of(settings.schedule),
      settings.weight_decay, settings.momentum, settings.seed, settings.threads,
      settings.threads == 1 ? "" : "s");
  static_cast<void>(std::fflush(stdout));
}

void print_result(const History& history, const Settings& settings) {
  if (history.epochs.empty()) return;
  fmt::print("\ntest accuracy by epoch, in %:");
  for (const EpochRecord& epoch : history.epochs) {
    if ((epoch.epoch - 1) % 10 == 0) fmt::print("\n{:>5}:", epoch.epoch);
    fmt::print(" {:6.2f}", 100.0 * epoch.test_accuracy);
  }
  fmt::print("\n");
  if (settings.optimizer == OptimizerKind::lars) {
    fmt::print("\nlayers by trust ratio, slowest first (geometric mean over the steps, range):\n");
    for (const LayerSpeed& speed : layer_speeds(history)) {
      fmt::print("  {:<16} {:.3e}  {:.3e} to {:.3e}\n", speed.layer, speed.mean, speed.smallest,
                 speed.largest);
    }
  }
  fmt::print("\nfinal test accuracy {:.2f} %, {:.1f} s\n", 100.0 * history.epochs.back().test_accuracy,
             history.seconds);
}

int train(const Settings& settings) {
  openblas_set_num_threads(settings.threads);
  if (!settings.out.empty()) prepare_folder(settings.out);
  const Dataset data = load_dataset(settings.data);
  Trainer trainer(settings, data);
  print_start(settings);
  const History history = trainer.run(stdout);
  print_result(history, settings);
  if (!settings.out.empty()) {
    const std::string trouble = draw_pictures(history, settings);
    if (!trouble.empty()) fmt::print(stderr, "lars-train: {}\n", trouble);
    fmt::print("written to {}\n", settings.out.string());
  }
  if (!history.diverged) return 0;
  fmt::print(stderr, "lars-train: diverged at step {}; a lower --learning-rate may help. {}\n",
             history.steps.size() + 1, history.divergence);
  return kExitDiverged;
}

}  // namespace
}  // namespace large_batch

int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    const auto settings = large_batch::parse_settings(argc, argv, exit_code);
    return settings ? large_batch::train(*settings) : exit_code;
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "lars-train: %s\n", error.what()));
    return large_batch::kExitError;
  }
}
