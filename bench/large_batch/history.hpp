// What a run leaves behind: numbers per epoch and per step, as CSV.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "settings.hpp"

namespace large_batch {

struct EpochRecord {
  std::size_t epoch = 0;        // from 1
  double train_loss = 0.0;      // mean over the epoch's images, while the weights moved
  double train_accuracy = 0.0;  // likewise
  double test_loss = 0.0;       // after the epoch
  double test_accuracy = 0.0;   // after the epoch
  double learning_rate = 0.0;   // of the weights, at the epoch's last step
};

struct StepRecord {
  std::size_t step = 0;  // from 1
  double loss = 0.0;     // mean over the batch
  double learning_rate = 0.0;
  std::vector<double> trust_ratios;
};

struct History {
  std::vector<std::string> layers;  // whose trust ratios the steps hold
  std::vector<EpochRecord> epochs;
  std::vector<StepRecord> steps;
  double seconds = 0.0;  // in training and evaluation
  bool diverged = false;
};

// Trust ratio of a layer over a run: the geometric mean, because it is a factor, and the range.
struct LayerSpeed {
  std::string layer;
  double mean = 0.0;
  double smallest = 0.0;
  double largest = 0.0;
};

// From the slowest layer to the fastest.
std::vector<LayerSpeed> layer_speeds(const History& history);

// Creates the folder if it is missing. Throws std::runtime_error if that fails.
void prepare_folder(const std::filesystem::path& folder);

// Writes history.csv (per epoch), steps.csv (per step) and run.json (settings, versions, time) into the
// folder. run.json comes last: where it is, the rest is complete. Throws std::runtime_error.
void write_history(const History& history, const Settings& settings);

}  // namespace large_batch
