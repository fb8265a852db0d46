// The recipe of docs/mixed_precision.md: dynamic loss scaling with F16 gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "capi/loss_scaling_recipe.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LossScaling, RecipeIsTheDocumentedOne) {
  const std::string document = read_file(LARS_MIXED_PRECISION);
  const std::size_t begin = document.find("```c\n");
  const std::size_t end = document.find("```", begin + 5);
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(document.substr(begin + 5, end - begin - 5), read_file(LARS_RECIPE));
}

/// Half the squared distance to a target, as a model that is trained in F16: gradients of scale times the
/// loss, rounded to F16, so that they overflow above 65504.
class Regression {
 public:
  /// loss_weight: of the loss, and so of its gradients.
  explicit Regression(std::int32_t dtype, double loss_weight)
      : trainee({{"kernel", dtype, {300, 17}}, {"bias", dtype, {33}}}), loss_weight_(loss_weight) {
    const ScheduleHandle decay =
        make_schedule(lars_schedule_linear, 1.0, 0.01, std::uint64_t{45}, std::uint64_t{0});
    EXPECT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, decay.get()), LARS_OK);
    trainee.set(LARS_TRUST_COEFFICIENT, 0.05);
    trainee.set(LARS_MOMENTUM, 0.5);
    trainee.set(LARS_WEIGHT_DECAY, 1e-4 * loss_weight);  // of the same weight
    EXPECT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  }

  void backward(double scale) {
    for_each_error([&](std::size_t tensor, std::size_t i, double error) {
      set_element(trainee.specs()[tensor], trainee.gradients[tensor], i, scale * loss_weight_ * error);
    });
  }

  [[nodiscard]] bool overflows() const {
    for (std::size_t tensor = 0; tensor < trainee.specs().size(); ++tensor) {
      for (std::size_t i = 0; i < trainee.specs()[tensor].count(); ++i) {
        if (std::isinf(element(trainee.specs()[tensor], trainee.gradients[tensor], i))) return true;
      }
    }
    return false;
  }

  [[nodiscard]] double distance() {
    double sum = 0.0;
    for_each_error([&](std::size_t /*tensor*/, std::size_t /*i*/, double error) { sum += error * error; });
    return std::sqrt(sum);
  }

  std::int32_t step(loss_scaler& scaler) {
    return scaled_step(trainee.get(), &scaler, trainee.parameter_pointers().data(),
                       trainee.gradient_pointers().data());
  }

  Trainee trainee;

 private:
  template <class Use>
  void for_each_error(const Use& use) {
    for (std::size_t tensor = 0; tensor < trainee.specs().size(); ++tensor) {
      const TensorSpec& spec = trainee.specs()[tensor];
      for (std::size_t i = 0; i < spec.count(); ++i) {
        const double target = std::sin(static_cast<double>(i + tensor));
        use(tensor, i, element(spec, trainee.parameters[tensor], i) - target);
      }
    }
  }

  double loss_weight_;
};

TEST(LossScaling, HalvesOnOverflowAndDoublesAfterGoodSteps) {
  Regression model(LARS_F16, 1e-3);
  loss_scaler scaler = {0x1p28, 0, 5};
  double expected = scaler.scale;
  std::uint64_t good = 0;
  std::uint64_t taken = 0;
  int skips = 0;
  int doublings = 0;
  for (int i = 0; i < 40; ++i) {
    model.backward(scaler.scale);
    const std::vector<Bytes> parameters = model.trainee.parameters;
    const bool overflow = model.overflows();
    ASSERT_EQ(model.step(scaler), overflow ? LARS_SKIPPED : LARS_OK)
        << lars_error_message(model.trainee.get());
    if (overflow) {
      EXPECT_EQ(model.trainee.parameters, parameters);
      ++skips;
      good = 0;
      expected /= 2.0;
    } else {
      ++taken;
      if (++good % 5 == 0) {
        ++doublings;
        expected *= 2.0;
      }
    }
    ASSERT_EQ(scaler.scale, expected);
  }
  EXPECT_GT(skips, 4);
  EXPECT_GT(doublings, 2);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(model.trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, taken);
}

/// Gradients of 1e-9 vanish in F16, and only weight decay is left; scaled, the model learns.
TEST(LossScaling, TrainsWhereUnscaledGradientsVanish) {
  const auto trained = [](double scale, std::uint32_t interval) {
    Regression model(LARS_F16, 1e-9);
    loss_scaler scaler = {scale, 0, interval};
    const double before = model.distance();
    for (int i = 0; i < 60; ++i) {
      model.backward(scaler.scale);
      EXPECT_GE(model.step(scaler), LARS_OK) << lars_error_message(model.trainee.get());
    }
    return model.distance() / before;
  };
  EXPECT_GT(trained(1.0, 1000), 0.5);  // does not
  EXPECT_LT(trained(0x1p50, 10), 0.1);
}

/// Whatever powers of two the loss was multiplied by, and in whichever type the gradients came.
TEST(LossScaling, ChangesNoBitWhereNothingOverflowsOrVanishes) {
  std::vector<std::vector<Bytes>> results;
  for (const double scale : {1.0, 0x1p10, 0x1p-6}) {
    for (const std::int32_t gradient : {LARS_F16, LARS_F32}) {
      Trainee trainee({{"w", LARS_F16, {1000}}});
      trainee.set(LARS_LEARNING_RATE, 1.0);
      trainee.set(LARS_WEIGHT_DECAY, 1e-4);
      ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
      ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), nullptr, gradient), LARS_OK);
      const TensorSpec wide = {"g", gradient, {1000}};
      loss_scaler scaler = {scale, 0, 1000};
      for (std::uint64_t step = 0; step < 5; ++step) {
        trainee.draw_gradients(step);
        Bytes scaled(wide.count() * wide.element_size());
        for (std::size_t i = 0; i < 1000; ++i) {
          // Multiples of 2^-9 below 1, which F16 holds exactly at all these scales.
          const double value =
              std::round(element(trainee.specs()[0], trainee.gradients[0], i) * 512.0) / 512.0;
          set_element(wide, scaled, i, scale * value);
        }
        trainee.gradients[0] = scaled;
        ASSERT_EQ(scaled_step(trainee.get(), &scaler, trainee.parameter_pointers().data(),
                              trainee.gradient_pointers().data()),
                  LARS_OK);
      }
      results.push_back(trainee.parameters);
    }
  }
  for (const std::vector<Bytes>& result : results) EXPECT_EQ(result, results[0]);
}

TEST(LossScaling, NanAtEveryScaleEndsInAnError) {
  Regression model(LARS_F16, 1e-3);
  ASSERT_EQ(lars_set_max_consecutive_skips(model.trainee.get(), 4), LARS_OK);
  loss_scaler scaler = {1024.0, 0, 5};
  model.backward(scaler.scale);
  set_element(model.trainee.specs()[1], model.trainee.gradients[1], 2, NAN);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(model.step(scaler), LARS_SKIPPED);
  EXPECT_EQ(model.step(scaler), LARS_ERR_NONFINITE);
  EXPECT_EQ(scaler.scale, 64.0);
  EXPECT_NE(std::string(lars_error_message(model.trainee.get())).find("the gradient of 'bias' (index 1)"),
            std::string::npos);
}

/// Two micro-batches, of which the second overflows: the batch is skipped and used up, and the next is taken.
TEST(LossScaling, SkipsWholeAccumulatedBatches) {
  Regression model(LARS_F16, 1e-3);
  Trainee& trainee = model.trainee;
  ASSERT_EQ(lars_set_accumulation(trainee.get(), 2), LARS_OK);
  const std::vector<Bytes> before = trainee.parameters;
  double scale = 0x1p10;
  const auto batch = [&](bool overflow) {
    trainee.set(LARS_GRADIENT_SCALE, 1.0 / scale);
    model.backward(scale);
    EXPECT_EQ(trainee.accumulate(), LARS_OK);
    if (overflow) set_element(trainee.specs()[0], trainee.gradients[0], 5, 1e30);
    EXPECT_EQ(trainee.accumulate(), LARS_OK);
    return trainee.step_accumulated();
  };
  EXPECT_EQ(batch(true), LARS_SKIPPED);
  EXPECT_EQ(trainee.parameters, before);
  scale /= 2.0;
  EXPECT_EQ(batch(false), LARS_OK);
  EXPECT_NE(trainee.parameters, before);
}

/// The scale in force is in the checkpoint.
TEST(LossScaling, ScaleComesBackWithACheckpoint) {
  Regression model(LARS_F16, 1e-3);
  loss_scaler scaler = {4096.0, 0, 5};
  model.backward(scaler.scale);
  ASSERT_EQ(model.step(scaler), LARS_OK);
  std::uint64_t bytes = 0;
  ASSERT_EQ(lars_save_size(model.trainee.get(), &bytes), LARS_OK);
  std::string checkpoint(bytes, '\0');
  ASSERT_EQ(lars_save_to(model.trainee.get(), checkpoint.data(), bytes), LARS_OK);
  Regression other(LARS_F16, 1e-3);
  ASSERT_EQ(lars_load_from(other.trainee.get(), checkpoint.data(), bytes), LARS_OK);
  double in_force = 0.0;
  ASSERT_EQ(lars_get(other.trainee.get(), 0, LARS_GRADIENT_SCALE, &in_force), LARS_OK);
  EXPECT_EQ(1.0 / in_force, 4096.0);
}

}  // namespace
}  // namespace lars_test
