// What a run leaves behind: numbers per epoch and per step, as CSV.
#pragma once

#include <lars/lars.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
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

// What the library tells of a step: by quantity, LARS_TELEMETRY_*, and parameter.
using StepTelemetry = std::array<std::vector<double>, LARS_TELEMETRY_SKIPPED_SHARE + 1>;

// Seconds of a step by part.
struct StepSeconds {
  double forward = 0.0;
  double backward = 0.0;
  double optimizer = 0.0;
};

struct StepRecord {
  std::size_t step = 0;  // from 1
  double loss = 0.0;     // mean over the batch
  double learning_rate = 0.0;
  std::vector<double> trust_ratios;
  StepTelemetry telemetry;
  StepSeconds seconds;
};

// A parameter, and what the library had in force for it before the first step, by key.
struct ParameterRecord {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<std::pair<std::string, double>> hyperparameters;
};

struct History {
  std::vector<std::string> layers;          // whose trust ratios the steps hold
  std::vector<ParameterRecord> parameters;  // whose telemetry they hold: all, from input to output
  std::size_t train_images = 0;
  std::size_t test_images = 0;
  std::size_t steps_per_epoch = 0;
  std::vector<EpochRecord> epochs;
  std::vector<StepRecord> steps;
  double seconds = 0.0;  // in training and evaluation
  bool diverged = false;
  std::string divergence;  // why, in the library's words
  bool ended = false;      // all epochs, or divergence
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

// Writes history.csv (per epoch), steps.csv and timings.csv (per step), telemetry.csv (per step and
// parameter) and run.json (settings, parameters, versions, time) into the folder, as the run goes: what is
// known when it is killed stays. run.json is there from the start, whole at any time, and is written again at
// the end; until then it says that the run has not ended. Throws std::runtime_error.
class HistoryFiles {
 public:
  // Of a run that begins.
  HistoryFiles(const Settings& settings, const History& history);

  // The last step, or the last epoch, of a history.
  void add_step(const History& history);
  void add_epoch(const History& history);

  // All is there.
  void finish(const History& history);

 private:
  class File {
   public:
    File(const std::filesystem::path& path, const std::string& head);
    void append(const std::string& lines);

   private:
    std::filesystem::path path_;
    std::ofstream stream_;
  };

  void write_run(const History& history) const;

  Settings settings_;
  std::string started_;  // UTC
  File epochs_;
  File steps_;
  File timings_;
  File telemetry_;
};

}  // namespace large_batch
