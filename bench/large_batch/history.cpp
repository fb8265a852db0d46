#include "history.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <lars/lars.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
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

std::string timings_csv(const History& history) {
  std::string text = "step,forward_seconds,backward_seconds,optimizer_seconds\n";
  for (const StepRecord& step : history.steps) {
    text += fmt::format("{},{:.6g},{:.6g},{:.6g}\n", step.step, step.seconds.forward, step.seconds.backward,
                        step.seconds.optimizer);
  }
  return text;
}

std::string telemetry_csv(const History& history) {
  std::string text =
      "step,parameter,weight_norm,gradient_norm,update_norm,trust_ratio,effective_rate,limited_share,"
      "skipped_share\n";
  for (const StepRecord& step : history.steps) {
    for (std::size_t i = 0; i < history.parameters.size(); ++i) {
      text += fmt::format("{},{}", step.step, history.parameters[i].name);
      for (const std::vector<double>& quantity : step.telemetry) text += fmt::format(",{:.6g}", quantity[i]);
      text += '\n';
    }
  }
  return text;
}

nlohmann::ordered_json parameters_json(const History& history) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ParameterRecord& parameter : history.parameters) {
    nlohmann::ordered_json keys;
    for (const auto& [key, value] : parameter.hyperparameters) keys[key] = value;  // infinity becomes null
    list.push_back({{"name", parameter.name}, {"shape", parameter.shape}, {"in_force", keys}});
  }
  return list;
}

std::string run_json(const History& history, const Settings& settings) {
  nlohmann::ordered_json run = {
      {"model", settings.model},
      {"optimizer", name_of(settings.optimizer)},
      {"batch", settings.batch},
      {"epochs", settings.epochs},
      {"learning_rate", settings.learning_rate},
      {"excluded_learning_rate", settings.excluded_learning_rate},
      {"warmup_epochs", settings.warmup_epochs},
      {"schedule", name_of(settings.schedule)},
      {"weight_decay", settings.weight_decay},
      {"momentum", settings.momentum},
      {"trust_coefficient", settings.trust_coefficient},
  };
  if (settings.gradient_clip) run["gradient_clip"] = *settings.gradient_clip;
  run["ghost_batch"] = settings.ghost_batch;
  run["seed"] = settings.seed;
  run["threads"] = settings.threads;
  run["train_images"] = history.train_images;
  run["test_images"] = history.test_images;
  run["steps_per_epoch"] = history.steps_per_epoch;
  run["steps"] = history.steps.size();
  run["diverged"] = history.diverged;
  if (history.diverged) run["divergence"] = history.divergence;
  run["seconds"] = history.seconds;
  run["liblars"] = lars_version_string();
  run["openblas"] = openblas_get_config();
  run["compiler"] = __VERSION__;
  run["parameters"] = parameters_json(history);
  return run.dump(2) + "\n";
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
  write_file(settings.out / "timings.csv", timings_csv(history));
  write_file(settings.out / "telemetry.csv", telemetry_csv(history));
  const std::filesystem::path temporary = settings.out / "run.json.new";
  write_file(temporary, run_json(history, settings));
  std::filesystem::rename(temporary, settings.out / "run.json");
}

}  // namespace large_batch
