#include "history.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <lars/lars.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace large_batch {
namespace {

[[noreturn]] void fail_to_write(const std::filesystem::path& file) {
  throw std::runtime_error(fmt::format("{}: cannot be written; is the disk full?", file.string()));
}

std::string steps_head(const History& history) {
  std::string text = "step,loss,learning_rate";
  for (const std::string& layer : history.layers) text += ",trust_ratio:" + layer;
  return text;
}

std::string epoch_line(const EpochRecord& epoch) {
  return fmt::format("{},{:.6g},{:.6f},{:.6g},{:.6f},{:.6g}\n", epoch.epoch, epoch.train_loss,
                     epoch.train_accuracy, epoch.test_loss, epoch.test_accuracy, epoch.learning_rate);
}

std::string step_line(const StepRecord& step) {
  std::string text = fmt::format("{},{:.6g},{:.6g}", step.step, step.loss, step.learning_rate);
  for (const double ratio : step.trust_ratios) text += fmt::format(",{:.6g}", ratio);
  return text + '\n';
}

std::string timing_line(const StepRecord& step) {
  return fmt::format("{},{:.6g},{:.6g},{:.6g}\n", step.step, step.seconds.forward, step.seconds.backward,
                     step.seconds.optimizer);
}

std::string telemetry_lines(const History& history, const StepRecord& step) {
  std::string text;
  for (std::size_t i = 0; i < history.parameters.size(); ++i) {
    text += fmt::format("{},{}", step.step, history.parameters[i].name);
    for (const std::vector<double>& quantity : step.telemetry) text += fmt::format(",{:.6g}", quantity[i]);
    text += '\n';
  }
  return text;
}

// The processor's name, as Linux tells it.
std::string processor_name() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos && line.rfind("model name", 0) == 0) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&time, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
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

std::string run_json(const History& history, const Settings& settings, const std::string& started) {
  nlohmann::ordered_json run = {
      {"model", settings.model},
      {"optimizer", name_of(settings.optimizer)},
      {"variant", settings.variant},
      {"nonfinite_policy", "refuse"},
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
  run["ended"] = history.ended;
  run["diverged"] = history.diverged;
  if (history.diverged) run["divergence"] = history.divergence;
  if (history.ended) run["seconds"] = history.seconds;
  run["started"] = started;
  run["processor"] = processor_name();
  run["processors"] = std::thread::hardware_concurrency();
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

HistoryFiles::File::File(const std::filesystem::path& path, const std::string& head)
    : path_(path), stream_(path, std::ios::binary | std::ios::trunc) {
  append(head + '\n');
}

void HistoryFiles::File::append(const std::string& lines) {
  stream_ << lines << std::flush;
  if (!stream_) fail_to_write(path_);
}

HistoryFiles::HistoryFiles(const Settings& settings, const History& history)
    : settings_(settings),
      started_(now()),
      epochs_(settings.out / "history.csv",
              "epoch,train_loss,train_accuracy,test_loss,test_accuracy,learning_rate"),
      steps_(settings.out / "steps.csv", steps_head(history)),
      timings_(settings.out / "timings.csv", "step,forward_seconds,backward_seconds,optimizer_seconds"),
      telemetry_(settings.out / "telemetry.csv",
                 "step,parameter,weight_norm,gradient_norm,update_norm,trust_ratio,effective_rate,"
                 "limited_share,skipped_share") {
  write_run(history);
}

// steps.csv comes last: a step that is there is everywhere.
void HistoryFiles::add_step(const History& history) {
  const StepRecord& step = history.steps.back();
  telemetry_.append(telemetry_lines(history, step));
  timings_.append(timing_line(step));
  steps_.append(step_line(step));
}

void HistoryFiles::add_epoch(const History& history) { epochs_.append(epoch_line(history.epochs.back())); }

void HistoryFiles::finish(const History& history) { write_run(history); }

void HistoryFiles::write_run(const History& history) const {
  const std::filesystem::path temporary = settings_.out / "run.json.new";
  std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
  stream << run_json(history, settings_, started_);
  stream.close();
  if (!stream) fail_to_write(temporary);
  std::filesystem::rename(temporary, settings_.out / "run.json");
}

}  // namespace large_batch
