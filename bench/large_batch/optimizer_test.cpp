#include "optimizer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace large_batch {
namespace {

struct Parameters {
  Parameter<float> weight = make_parameter<float>("dense1.weight", {2}, 3.0F);
  Parameter<float> scale = make_parameter<float>("norm1.scale", {2}, 1.0F);
  Parameter<float> bias = make_parameter<float>("norm1.bias", {2}, 0.5F);

  std::vector<Parameter<float>*> all() { return {&weight, &scale, &bias}; }
};

Settings settings_for(OptimizerKind optimizer) {
  Settings settings;
  settings.optimizer = optimizer;
  settings.learning_rate = 2.0;
  settings.excluded_learning_rate = 0.25;
  settings.weight_decay = 0.5;
  settings.schedule = ScheduleKind::constant;
  return settings;
}

TEST(Optimizer, LarsScalesTheWeightsAndLeavesTheRestToTheirOwnLearningRate) {
  Parameters parameters;
  Optimizer optimizer(settings_for(OptimizerKind::lars), parameters.all(), {0, 10});
  EXPECT_EQ(optimizer.scaled_names(), std::vector<std::string>{"dense1.weight"});
  for (Parameter<float>* parameter : parameters.all()) parameter->gradient = {1.0F, 1.0F};
  optimizer.step();
  // u = g + 0.5 w = 2.5 for both elements; r = 0.001 |w| / |u| = 0.001 * 3 / 2.5.
  EXPECT_NEAR(optimizer.trust_ratios().at(0), 0.0012, 1e-9);
  EXPECT_NEAR(parameters.weight.value[0], 3.0 - 2.0 * 0.0012 * 2.5, 1e-6);
  EXPECT_FLOAT_EQ(parameters.scale.value[0], 0.75F);
  EXPECT_FLOAT_EQ(parameters.bias.value[1], 0.25F);
}

TEST(Optimizer, SgdIsMomentumSgd) {
  Parameters parameters;
  Optimizer optimizer(settings_for(OptimizerKind::sgd), parameters.all(), {0, 10});
  double weight = 3.0;
  double bias = 0.5;
  double weight_velocity = 0.0;
  double bias_velocity = 0.0;
  for (int step = 0; step < 5; ++step) {
    for (Parameter<float>* parameter : parameters.all()) parameter->gradient = {1.0F, 1.0F};
    optimizer.step();
    weight_velocity = 0.9 * weight_velocity + (1.0 + 0.5 * weight);
    weight -= 2.0 * weight_velocity;
    bias_velocity = 0.9 * bias_velocity + 1.0;
    bias -= 0.25 * bias_velocity;
    EXPECT_NEAR(parameters.weight.value[0], weight, 1e-5 * std::abs(weight));
    EXPECT_NEAR(parameters.bias.value[0], bias, 1e-5);
  }
  EXPECT_EQ(optimizer.trust_ratios().at(0), 1.0);
}

TEST(Optimizer, WarmsUpAndDecays) {
  for (const ScheduleKind kind : {ScheduleKind::polynomial, ScheduleKind::cosine}) {
    Parameters parameters;
    Settings settings = settings_for(OptimizerKind::lars);
    settings.schedule = kind;
    Optimizer optimizer(settings, parameters.all(), {3, 11});
    std::array<double, 11> rates{};
    for (double& rate : rates) {
      rate = optimizer.learning_rate();
      optimizer.step();
    }
    EXPECT_DOUBLE_EQ(rates[0], 0.5);
    EXPECT_DOUBLE_EQ(rates[1], 1.0);
    EXPECT_DOUBLE_EQ(rates[3], 2.0);
    EXPECT_NEAR(rates[7], kind == ScheduleKind::polynomial ? 0.5 : 1.0, 1e-12);
    EXPECT_GT(rates[10], 0.0);
    EXPECT_NEAR(optimizer.learning_rate(), 0.0, 1e-12);
  }
}

// What the command line lets through is refused by the library, in its own words.
TEST(Optimizer, CarriesTheMessageOfTheLibrary) {
  Parameters parameters;
  Settings settings = settings_for(OptimizerKind::lars);
  settings.momentum = 1.5;
  try {
    Optimizer optimizer(settings, parameters.all(), {0, 10});
    ADD_FAILURE() << "a momentum of 1.5 was accepted";
  } catch (const OptimizerError& error) {
    EXPECT_NE(std::string(error.what()).find("LARS_ERR_VALUE: momentum"), std::string::npos) << error.what();
  }
}

TEST(Optimizer, MissingExcludedParametersAreNoticed) {
  Parameter<float> weight = make_parameter<float>("dense1.weight", {2}, 3.0F);
  EXPECT_THROW(Optimizer(settings_for(OptimizerKind::lars), {&weight}, {0, 10}), OptimizerError);
}

}  // namespace
}  // namespace large_batch
