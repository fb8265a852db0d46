#include "trainer.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace large_batch {
namespace {

// A few noisy images of ten patterns: enough to see a loss fall, and there without any data set.
Dataset make_patterns() {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<int> noise(0, 40);
  Dataset data;
  data.mean = 0.3F;
  data.deviation = 0.3F;
  for (Split* split : {&data.train, &data.test}) {
    for (std::size_t i = 0; i < 300; ++i) {
      const std::size_t label = i % kClasses;
      split->labels.push_back(static_cast<std::uint8_t>(label));
      for (std::size_t pixel = 0; pixel < kImageSize; ++pixel) {
        const int pattern = pixel / kImageSide % kClasses == label ? 200 : 20;
        split->pixels.push_back(static_cast<std::uint8_t>(pattern + noise(random)));
      }
    }
  }
  return data;
}

Settings small_settings(const std::string& model, OptimizerKind optimizer) {
  Settings settings;
  settings.model = model;
  settings.optimizer = optimizer;
  settings.batch = 128;
  settings.ghost_batch = 32;
  settings.epochs = 6;
  settings.warmup_epochs = 1.0;
  settings.learning_rate = optimizer == OptimizerKind::lars ? 10.0 : 0.1;
  settings.excluded_learning_rate = 0.1;
  return settings;
}

History run(const Settings& settings, const Dataset& data) {
  std::FILE* nowhere = std::fopen("/dev/null", "w");
  History history = Trainer(settings, data).run(nowhere);
  std::fclose(nowhere);
  return history;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

TEST(Trainer, LearnsWithEachModelAndOptimizer) {
  const Dataset data = make_patterns();
  for (const char* model : {"mlp", "lenet"}) {
    for (const OptimizerKind optimizer : {OptimizerKind::lars, OptimizerKind::sgd}) {
      const History history = run(small_settings(model, optimizer), data);
      ASSERT_EQ(history.epochs.size(), 6U);
      EXPECT_EQ(history.steps.size(), 18U);  // 128 + 128 + 44 images each epoch
      EXPECT_LT(history.epochs.back().train_loss, 0.5 * history.epochs.front().train_loss) << model;
      EXPECT_GT(history.epochs.back().test_accuracy, 0.9) << model << " " << name_of(optimizer);
    }
  }
}

TEST(Trainer, RecordsTrustRatiosOfTheWeights) {
  const Dataset data = make_patterns();
  const History lars = run(small_settings("mlp", OptimizerKind::lars), data);
  EXPECT_EQ(lars.layers, (std::vector<std::string>{"dense1.weight", "dense2.weight", "dense3.weight"}));
  for (const StepRecord& step : lars.steps) {
    for (const double ratio : step.trust_ratios) {
      EXPECT_GT(ratio, 0.0);
      EXPECT_NE(ratio, 1.0);
    }
  }
  const std::vector<LayerSpeed> speeds = layer_speeds(lars);
  ASSERT_EQ(speeds.size(), 3U);
  EXPECT_LE(speeds[0].mean, speeds[1].mean);
  EXPECT_LE(speeds[1].mean, speeds[2].mean);
  EXPECT_LE(speeds[0].smallest, speeds[0].mean);
  EXPECT_GE(speeds[0].largest, speeds[0].mean);
  for (const StepRecord& step : run(small_settings("mlp", OptimizerKind::sgd), data).steps) {
    EXPECT_EQ(step.trust_ratios, std::vector<double>(3, 1.0));
  }
}

TEST(Trainer, SameSeedSameFiles) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("lenet", OptimizerKind::lars);
  std::vector<std::string> epochs;
  std::vector<std::string> steps;
  std::vector<std::string> telemetry;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    settings.seed = seed;
    settings.out = std::filesystem::path(testing::TempDir()) / "lars_trainer_test";
    prepare_folder(settings.out);
    run(settings, data);
    epochs.push_back(read_file(settings.out / "history.csv"));
    steps.push_back(read_file(settings.out / "steps.csv"));
    telemetry.push_back(read_file(settings.out / "telemetry.csv"));
    EXPECT_NE(read_file(settings.out / "run.json").find("\"batch\": 128"), std::string::npos);
    std::filesystem::remove_all(settings.out);
  }
  EXPECT_FALSE(epochs[0].empty());
  EXPECT_EQ(epochs[0], epochs[1]);
  EXPECT_EQ(steps[0], steps[1]);
  EXPECT_NE(steps[0], steps[2]);
  EXPECT_FALSE(telemetry[0].empty());
  EXPECT_EQ(telemetry[0], telemetry[1]);
  EXPECT_NE(telemetry[0], telemetry[2]);
}

TEST(Trainer, RecordsTheHyperParametersInForce) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("mlp", OptimizerKind::lars);
  settings.epochs = 1;
  const History history = run(settings, data);
  EXPECT_EQ(history.steps_per_epoch, 3U);
  EXPECT_EQ(history.train_images, 300U);
  ASSERT_EQ(history.parameters.size(), history.steps.front().telemetry[LARS_TELEMETRY_WEIGHT_NORM].size());
  const auto in_force = [&history](const std::string& name, const std::string& key) {
    for (const ParameterRecord& parameter : history.parameters) {
      if (parameter.name != name) continue;
      for (const auto& [title, value] : parameter.hyperparameters) {
        if (title == key) return value;
      }
    }
    ADD_FAILURE() << name << " has no " << key;
    return -1.0;
  };
  EXPECT_EQ(history.parameters.front().name, "dense1.weight");
  EXPECT_EQ(history.parameters.front().shape, (std::vector<std::int64_t>{128, 784}));
  EXPECT_EQ(in_force("dense1.weight", "weight_decay"), settings.weight_decay);
  EXPECT_EQ(in_force("dense1.weight", "weight_decay_mask"), 1.0);
  EXPECT_EQ(in_force("dense1.weight", "trust_ratio_mask"), 1.0);
  EXPECT_EQ(in_force("norm1.bias", "weight_decay_mask"), 0.0);
  EXPECT_EQ(in_force("norm1.bias", "trust_ratio_mask"), 0.0);
  EXPECT_EQ(in_force("norm1.bias", "momentum"), settings.momentum);
}

// What is known when a run is killed is there: looked at from within a step, which is as good.
TEST(Trainer, WritesTheHistoryAsItGoes) {
  Settings settings = small_settings("mlp", OptimizerKind::lars);
  settings.out = std::filesystem::path(testing::TempDir()) / "lars_trainer_history_test";
  prepare_folder(settings.out);
  History history;
  history.layers = {"w"};
  history.parameters = {{"w", {2}, {}}};
  StepRecord step;
  step.step = 1;
  step.trust_ratios = {0.5};
  step.telemetry.fill({0.25});
  HistoryFiles files(settings, history);
  EXPECT_NE(read_file(settings.out / "run.json").find("\"ended\": false"), std::string::npos);
  history.steps.push_back(step);
  files.add_step(history);
  EXPECT_NE(read_file(settings.out / "steps.csv").find("\n1,0,0,0.5\n"), std::string::npos);
  EXPECT_NE(read_file(settings.out / "telemetry.csv").find("\n1,w,0.25,"), std::string::npos);
  EXPECT_NE(read_file(settings.out / "timings.csv").find("\n1,"), std::string::npos);
  history.epochs.push_back({1});
  files.add_epoch(history);
  EXPECT_NE(read_file(settings.out / "history.csv").find("\n1,"), std::string::npos);
  history.ended = true;
  files.finish(history);
  const std::string run = read_file(settings.out / "run.json");
  EXPECT_NE(run.find("\"ended\": true"), std::string::npos);
  for (const char* key : {"started", "processor", "processors", "threads", "variant", "nonfinite_policy"})
    EXPECT_NE(run.find('"' + std::string(key) + "\": "), std::string::npos) << key;
  std::filesystem::remove_all(settings.out);
}

TEST(Trainer, TakesTheStepsOfTheVariant) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("mlp", OptimizerKind::lars);
  settings.epochs = 1;
  const double optax = run(settings, data).steps.back().loss;
  settings.variant = "tf";
  EXPECT_NE(run(settings, data).steps.back().loss, optax);
}

// A clip far below any gradient's norm takes hold in every step, of every parameter; none takes hold without.
TEST(Trainer, RecordsClippedSteps) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("mlp", OptimizerKind::lars);
  settings.epochs = 1;
  for (const bool clip : {true, false}) {
    settings.gradient_clip.reset();
    if (clip) settings.gradient_clip = 1e-6;
    const History history = run(settings, data);
    for (const double share : history.steps.back().telemetry[LARS_TELEMETRY_LIMITED_SHARE]) {
      EXPECT_EQ(share, clip ? 1.0 : 0.0);
    }
  }
}

TEST(Trainer, BatchLargerThanTheDataIsOneStep) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("mlp", OptimizerKind::sgd);
  settings.batch = 1000;
  settings.ghost_batch = 1000;
  EXPECT_EQ(run(settings, data).steps.size(), settings.epochs);
}

TEST(Trainer, DivergenceIsReported) {
  const Dataset data = make_patterns();
  Settings settings = small_settings("mlp", OptimizerKind::sgd);
  settings.learning_rate = 1e30;
  settings.excluded_learning_rate = 1e30;
  Trainer trainer(settings, data);
  std::FILE* nowhere = std::fopen("/dev/null", "w");
  const History history = trainer.run(nowhere);
  std::fclose(nowhere);
  EXPECT_TRUE(history.diverged);
  EXPECT_LT(history.steps.size(), 18U);
  EXPECT_NE(history.divergence.find("LARS_ERR_NONFINITE"), std::string::npos) << history.divergence;
}

TEST(Trainer, UnwritableFolderIsReported) {
  EXPECT_THROW(prepare_folder("/dev/null/folder"), std::runtime_error);
}

}  // namespace
}  // namespace large_batch
