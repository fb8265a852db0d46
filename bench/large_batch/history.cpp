#include "history.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <lars/lars.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace large_batch {
namespace {

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream)
    throw std::runtime_error(fmt::format("{}: cannot be written; is the disk full?", file.string()));
}

std::string epochs_csv(const History& history) {
  std::string text = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,learning_rate\n";
  for (const EpochRecord& epoch : history.epochs) {
    text += fmt::format("{},{:.6g},{:.6f},{:.6g},{:.6f},{:.6g}\n", epoch.epoch, epoch.train_loss,
                        epoch.train_accuracy, epoch.test_loss, epoch.test_accuracy, epoch.learning_rate);
  }
  return text;
}

std::string steps_csv(const History& history) {
  std::string text = "step,loss,learning_rate";
  for (const std::string& layer : history.layers) text += ",trust_ratio:" + layer;
  text += '\n';
  for (const StepRecord& step : history.steps) {
    text += fmt::format("{},{:.6g},{:.6g}", step.step, step.loss, step.learning_rate);
    for (const double ratio : step.trust_ratios) text += fmt::format(",{:.6g}", ratio);
    text += '\n';
  }
  return text;
}

std::string run_json(const History& history, const Settings& settings) {
  std::string text = "{\n";
  const auto add_text = [&text](const char* key, const std::string& value) {
    text += fmt::format("  \"{}\": \"{}\",\n", key, value);
  };
  const auto add_number = [&text](const char* key, auto value) {
    text += fmt::format("  \"{}\": {},\n", key, value);
  };
  add_text("model", settings.model);
  add_text("optimizer", name_of(settings.optimizer));
  add_number("batch", settings.batch);
  add_number("epochs", settings.epochs);
  add_number("learning_rate", settings.learning_rate);
  add_number("excluded_learning_rate", settings.excluded_learning_rate);
  add_number("warmup_epochs", settings.warmup_epochs);
  add_text("schedule", name_of(settings.schedule));
  add_number("weight_decay", settings.weight_decay);
  add_number("momentum", settings.momentum);
  add_number("trust_coefficient", settings.trust_coefficient);
  add_number("ghost_batch", settings.ghost_batch);
  add_number("seed", settings.seed);
  add_number("threads", settings.threads);
  add_number("steps", history.steps.size());
  add_number("diverged", history.diverged);
  add_number("seconds", history.seconds);
  add_text("liblars", lars_version_string());
  add_text("openblas", openblas_get_config());
  text += fmt::format("  \"compiler\": \"{}\"\n}}\n", __VERSION__);
  return text;
}

}  // namespace

std::vector<LayerSpeed> layer_speeds(const History& history) {
  std::vector<LayerSpeed> speeds;
  for (std::size_t layer = 0; layer < history.layers.size() && !history.steps.empty(); ++layer) {
    const double first = history.steps.front().trust_ratios[layer];
    LayerSpeed speed{history.layers[layer], 0.0, first, first};
    double sum_of_logarithms = 0.0;
    for (const StepRecord& step : history.steps) {
      const double ratio = step.trust_ratios[layer];
      sum_of_logarithms += std::log(ratio);
      speed.smallest = std::min(speed.smallest, ratio);
      speed.largest = std::max(speed.largest, ratio);
    }
    speed.mean = std::exp(sum_of_logarithms / static_cast<double>(history.steps.size()));
    speeds.push_back(speed);
  }
  std::stable_sort(speeds.begin(), speeds.end(),
                   [](const LayerSpeed& a, const LayerSpeed& b) { return a.mean < b.mean; });
  return speeds;
}

void prepare_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    throw std::runtime_error(fmt::format("--out {}: the folder cannot be made{}{}", folder.string(),
                                         error ? ": " : "", error ? error.message() : ""));
  }
}

void write_history(const History& history, const Settings& settings) {
  write_file(settings.out / "history.csv", epochs_csv(history));
  write_file(settings.out / "steps.csv", steps_csv(history));
  const std::filesystem::path temporary = settings.out / "run.json.new";
  write_file(temporary, run_json(history, settings));
  std::filesystem::rename(temporary, settings.out / "run.json");
}

}  // namespace large_batch
