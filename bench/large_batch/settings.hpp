// What a run is told on the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataset.hpp"

namespace large_batch {

enum class OptimizerKind { lars, sgd };
enum class ScheduleKind { polynomial, cosine, constant };

struct Settings {
  std::string model = "mlp";
  OptimizerKind optimizer = OptimizerKind::lars;
  std::size_t batch = 8192;
  std::size_t epochs = 20;
  double learning_rate = 0.0;           // of the weights, at the end of the warm-up
  double excluded_learning_rate = 0.0;  // of biases and batch-norm parameters, likewise
  double warmup_epochs = 5.0;
  ScheduleKind schedule = ScheduleKind::polynomial;
  double weight_decay = 5e-4;
  double momentum = 0.9;
  double trust_coefficient = 0.001;
  std::string variant = "optax";        // by its name in lars.h
  std::optional<double> gradient_clip;  // by global norm
  std::size_t ghost_batch = 256;        // images normalised together by batch norm
  std::uint64_t seed = 1;
  int threads = 1;
  std::filesystem::path data = kDebianFolder;
  std::filesystem::path out;     // empty: nothing is written
  std::string pictures = "svg";  // "svg", "png" or "none"
};

// The learning rates that are used when none is given. They grow with the root of the batch, as the deviation
// of the mean gradient's noise falls (Krizhevsky 2014, arXiv:1404.5997).
double default_learning_rate(OptimizerKind optimizer, std::size_t batch);
double default_excluded_learning_rate(OptimizerKind optimizer, double learning_rate, std::size_t batch);

// LARS_VARIANT_* of a variant's name.
std::int32_t variant_of(const std::string& name);

std::string name_of(OptimizerKind optimizer);
std::string name_of(ScheduleKind schedule);

// Empty, with the status to exit with in exit_code, after --help or a mistake, which has been printed.
std::optional<Settings> parse_settings(int argc, const char* const* argv, int& exit_code);

}  // namespace large_batch
