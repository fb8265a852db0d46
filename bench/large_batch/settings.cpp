#include "settings.hpp"

#include <lars/lars.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <map>

namespace large_batch {
namespace {

const std::map<std::string, OptimizerKind>& optimizers() {
  static const std::map<std::string, OptimizerKind> names{{"lars", OptimizerKind::lars},
                                                          {"sgd", OptimizerKind::sgd}};
  return names;
}

const std::map<std::string, ScheduleKind>& schedules() {
  static const std::map<std::string, ScheduleKind> names{{"polynomial", ScheduleKind::polynomial},
                                                         {"cosine", ScheduleKind::cosine},
                                                         {"constant", ScheduleKind::constant}};
  return names;
}

const std::map<std::string, std::int32_t>& variants() {
  static const std::map<std::string, std::int32_t> names{
      {"optax", LARS_VARIANT_OPTAX}, {"paper", LARS_VARIANT_PAPER},   {"torch", LARS_VARIANT_TORCH},
      {"larc", LARS_VARIANT_LARC},   {"barlow", LARS_VARIANT_BARLOW}, {"tf", LARS_VARIANT_TF}};
  return names;
}

template <typename Kind>
std::string find_name(const std::map<std::string, Kind>& names, Kind kind) {
  for (const auto& [name, value] : names) {
    if (value == kind) return name;
  }
  return "";
}

struct LearningRates {
  std::optional<double> weights;
  std::optional<double> excluded;
};

// The ranges of learning rate, weight decay, momentum and trust coefficient are the library's business: it
// refuses what it does not allow, and its message is printed.
void add_optimizer_options(CLI::App& app, Settings& settings, LearningRates& rates) {
  app.add_option("--optimizer", settings.optimizer, "lars, or sgd: the same momentum without trust ratio")
      ->transform(CLI::CheckedTransformer(optimizers()))
      ->option_text("lars|sgd [lars]");
  app.add_option(
      "--learning-rate", rates.weights,
      "Learning rate of the weights at its peak, by default found by trial for the MLP at batch 256 and "
      "scaled with the root of the batch");
  app.add_option(
      "--excluded-learning-rate", rates.excluded,
      "The same for biases and batch-norm parameters, which neither weight decay nor trust ratio touches; "
      "for sgd, by default, that of the weights");
  app.add_option("--warmup-epochs", settings.warmup_epochs, "Linear warm-up of both learning rates")
      ->check(CLI::Range(0.0, 100000.0))
      ->capture_default_str();
  app.add_option("--schedule", settings.schedule, "Decay after the warm-up; polynomial is of power 2")
      ->transform(CLI::CheckedTransformer(schedules()))
      ->option_text("polynomial|cosine|constant [polynomial]");
  app.add_option("--weight-decay", settings.weight_decay, "Weight decay of the weights")
      ->capture_default_str();
  app.add_option("--momentum", settings.momentum, "Momentum")->capture_default_str();
  app.add_option("--trust-coefficient", settings.trust_coefficient, "Trust coefficient of lars")
      ->capture_default_str();
  app.add_option("--variant", settings.variant, "Whose LARS it is: docs/variants.md")
      ->check(CLI::IsMember(variants()))
      ->option_text("optax|paper|torch|larc|barlow|tf [optax]");
  app.add_option("--gradient-clip", settings.gradient_clip,
                 "Clips the gradients of a step to this global norm; without, nothing is clipped");
}

void add_run_options(CLI::App& app, Settings& settings) {
  app.add_option("--model", settings.model,
                 "mlp: 784-128-128-10; lenet: two convolutions and three dense layers")
      ->check(CLI::IsMember({"mlp", "lenet"}))
      ->capture_default_str();
  app.add_option("--batch", settings.batch, "Images per step")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->capture_default_str();
  app.add_option("--epochs", settings.epochs, "Passes over the training images")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100000}))
      ->capture_default_str();
  app.add_option("--ghost-batch", settings.ghost_batch,
                 "Images that batch norm normalises together; a batch is computed in pieces of this size")
      ->check(CLI::Range(std::size_t{2}, std::size_t{1} << 20))
      ->capture_default_str();
  app.add_option("--seed", settings.seed, "Seed of the initial weights and of the order of images")
      ->capture_default_str();
  app.add_option("--threads", settings.threads,
                 "Threads of the matrix products; results are repeatable with 1")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--data", settings.data, "Folder of the four IDX files of Fashion-MNIST or MNIST")
      ->capture_default_str();
  app.add_option("--out", settings.out,
                 "Folder for history.csv, steps.csv, timings.csv, telemetry.csv, run.json and the pictures");
  app.add_option("--pictures", settings.pictures, "Format of the pictures, drawn by gnuplot")
      ->check(CLI::IsMember({"svg", "png", "none"}))
      ->capture_default_str();
}

// Of a learning rate with the batch, from 1 at 256.
double growth(std::size_t batch) { return std::sqrt(static_cast<double>(batch) / 256.0); }

}  // namespace

double default_learning_rate(OptimizerKind optimizer, std::size_t batch) {
  return (optimizer == OptimizerKind::lars ? 4.0 : 0.2) * growth(batch);
}

double default_excluded_learning_rate(OptimizerKind optimizer, double learning_rate, std::size_t batch) {
  // Without a trust ratio the learning rate of lars, 10 or more, would throw these parameters far away.
  return optimizer == OptimizerKind::lars ? 0.1 * growth(batch) : learning_rate;
}

std::int32_t variant_of(const std::string& name) { return variants().at(name); }

std::string name_of(OptimizerKind optimizer) { return find_name(optimizers(), optimizer); }
std::string name_of(ScheduleKind schedule) { return find_name(schedules(), schedule); }

std::optional<Settings> parse_settings(int argc, const char* const* argv, int& exit_code) {
  Settings settings;
  LearningRates rates;
  CLI::App app{"Trains a small network on Fashion-MNIST with the LARS optimizer or with momentum SGD."};
  app.name("lars-train");
  app.set_version_flag("--version", std::string("lars-train, liblars ") + lars_version_string());
  add_run_options(app, settings);
  add_optimizer_options(app, settings, rates);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  settings.learning_rate = rates.weights.value_or(default_learning_rate(settings.optimizer, settings.batch));
  settings.excluded_learning_rate = rates.excluded.value_or(
      default_excluded_learning_rate(settings.optimizer, settings.learning_rate, settings.batch));
  return settings;
}

}  // namespace large_batch
