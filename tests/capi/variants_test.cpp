// Variants by name, and clipping, through lars.h. The bits are definition_test.cpp's, agreement with the
// originals tests/variants's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

double value_of(const Trainee& trainee, std::uint32_t index, std::int32_t key) {
  double value = NAN;
  EXPECT_EQ(lars_get(trainee.get(), index, key, &value), LARS_OK) << lars_error_message(trainee.get());
  return value;
}

struct Expected {
  std::int32_t variant;
  double denominator, outside_momentum, trust_clip, decay_in_update, zero_norm_decay;
};

TEST(Variants, SetTheirChoicesAndNothingElse) {
  Trainee trainee({{"w", LARS_F32, {3}}});
  trainee.set(LARS_LEARNING_RATE, 3.0);
  trainee.set(LARS_TRUST_COEFFICIENT, 0.02);
  for (const Expected& expected : {
           Expected{LARS_VARIANT_PAPER, LARS_DENOMINATOR_SUM, LARS_OUTSIDE_NOTHING, 0, 1, 1},
           Expected{LARS_VARIANT_TORCH, LARS_DENOMINATOR_SUM, LARS_OUTSIDE_LEARNING_RATE, 0, 1, 1},
           Expected{LARS_VARIANT_LARC, LARS_DENOMINATOR_SUM, LARS_OUTSIDE_LEARNING_RATE, 1, 1, 0},
           Expected{LARS_VARIANT_BARLOW, LARS_DENOMINATOR_DECAYED, LARS_OUTSIDE_LEARNING_RATE, 0, 1, 1},
           Expected{LARS_VARIANT_TF, LARS_DENOMINATOR_SUM, LARS_OUTSIDE_TRUST_RATIO, 0, 0, 1},
           Expected{LARS_VARIANT_OPTAX, LARS_DENOMINATOR_DECAYED, LARS_OUTSIDE_NOTHING, 0, 1, 1},
       }) {
    SCOPED_TRACE(expected.variant);
    ASSERT_EQ(lars_set_variant(trainee.get(), expected.variant), LARS_OK);
    EXPECT_EQ(value_of(trainee, 0, LARS_DENOMINATOR), expected.denominator);
    EXPECT_EQ(value_of(trainee, 0, LARS_OUTSIDE_MOMENTUM), expected.outside_momentum);
    EXPECT_EQ(value_of(trainee, 0, LARS_TRUST_CLIP), expected.trust_clip);
    EXPECT_EQ(value_of(trainee, 0, LARS_DECAY_IN_UPDATE), expected.decay_in_update);
    EXPECT_EQ(value_of(trainee, 0, LARS_ZERO_NORM_DECAY), expected.zero_norm_decay);
    EXPECT_EQ(value_of(trainee, 0, LARS_LEARNING_RATE), 3.0);
    EXPECT_EQ(value_of(trainee, 0, LARS_TRUST_COEFFICIENT), 0.02);
  }
}

TEST(Variants, HoldForParametersAddedLater) {
  Trainee trainee({});
  ASSERT_EQ(lars_set_variant(trainee.get(), LARS_VARIANT_LARC), LARS_OK);
  ASSERT_EQ(lars_add_parameter(trainee.get(), "later", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  EXPECT_EQ(value_of(trainee, 0, LARS_TRUST_CLIP), 1.0);
}

/// One element, so that every norm is a magnitude and every figure can be checked by hand.
struct Scalar {
  explicit Scalar(double parameter, double gradient) : trainee({{"w", LARS_F64, {}}}) {
    trainee.set(LARS_LEARNING_RATE, 0.5);
    trainee.set(LARS_MOMENTUM, 0.5);
    trainee.set(LARS_WEIGHT_DECAY, 0.25);
    trainee.set(LARS_TRUST_COEFFICIENT, 0.125);
    set_element(trainee.specs()[0], trainee.parameters[0], 0, parameter);
    set_element(trainee.specs()[0], trainee.gradients[0], 0, gradient);
  }
  double step() {
    EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
    return element(trainee.specs()[0], trainee.parameters[0], 0);
  }
  void choose(std::int32_t variant) { EXPECT_EQ(lars_set_variant(trainee.get(), variant), LARS_OK); }
  Trainee trainee;
};

// w = 4, g = 3: u = 3 + 0.25 * 4 = 4; r = 0.125 * 4 / 4 = 0.125, also with |g| + λ|w| = 4.
TEST(Variants, FirstStepsByHand) {
  for (const std::int32_t variant :
       {LARS_VARIANT_OPTAX, LARS_VARIANT_PAPER, LARS_VARIANT_TORCH, LARS_VARIANT_LARC, LARS_VARIANT_BARLOW}) {
    Scalar scalar(4.0, 3.0);
    scalar.choose(variant);
    // LARC: min(0.125 / 0.5, 1) = 0.25.
    const double ratio = variant == LARS_VARIANT_LARC ? 0.25 : 0.125;
    EXPECT_EQ(scalar.step(), 4.0 - 0.5 * ratio * 4.0) << variant;
  }
  Scalar tf(4.0, 3.0);  // no decay in the update
  tf.choose(LARS_VARIANT_TF);
  EXPECT_EQ(tf.step(), 4.0 - 0.5 * 0.125 * 3.0);
}

TEST(Variants, OppositeSignsTellTheDenominators) {
  // w = 4, g = -3: u = -2; |g| + λ|w| = 4.
  Scalar decayed(4.0, -3.0);
  EXPECT_EQ(decayed.step(), 4.0 + 0.5 * (0.125 * 4.0 / 2.0) * 2.0);
  Scalar sum(4.0, -3.0);
  sum.choose(LARS_VARIANT_PAPER);
  EXPECT_EQ(sum.step(), 4.0 + 0.5 * (0.125 * 4.0 / 4.0) * 2.0);
  Scalar gradient(4.0, -4.0);
  gradient.trainee.set(LARS_DENOMINATOR, LARS_DENOMINATOR_GRADIENT);
  EXPECT_EQ(gradient.step(), 4.0 + 0.5 * (0.125 * 4.0 / 4.0) * 3.0);
}

TEST(Variants, LearningRateChangesTellWhereItStands) {
  // r is the same in both steps only nearly, so masks take it out.
  const auto second_step = [](std::int32_t outside) {
    Scalar scalar(4.0, 2.0);
    scalar.trainee.set(LARS_TRUST_RATIO_MASK, 0);
    scalar.trainee.set(LARS_WEIGHT_DECAY, 0);
    scalar.trainee.set(LARS_OUTSIDE_MOMENTUM, outside);
    const double first = scalar.step();
    scalar.trainee.set(LARS_LEARNING_RATE, 0.25);
    return scalar.step() - first;
  };
  EXPECT_EQ(second_step(LARS_OUTSIDE_NOTHING), -(0.25 * 2.0 + 0.5 * 0.5 * 2.0));
  EXPECT_EQ(second_step(LARS_OUTSIDE_LEARNING_RATE), -0.25 * (2.0 + 0.5 * 2.0));
  EXPECT_EQ(second_step(LARS_OUTSIDE_TRUST_RATIO), -0.25 * (2.0 + 0.5 * 2.0));
}

TEST(Variants, DampeningSparesTheFirstStep) {
  Scalar scalar(4.0, 2.0);
  scalar.trainee.set(LARS_TRUST_RATIO_MASK, 0);
  scalar.trainee.set(LARS_WEIGHT_DECAY, 0);
  scalar.trainee.set(LARS_DAMPENING, 0.25);
  const double first = scalar.step();
  EXPECT_EQ(first, 4.0 - 0.5 * 2.0);
  EXPECT_EQ(scalar.step() - first, -(0.75 * 0.5 * 2.0 + 0.5 * 0.5 * 2.0));
}

TEST(Variants, DampeningIsOfMomentumOnly) {
  Scalar scalar(4.0, 2.0);
  scalar.trainee.set(LARS_TRUST_RATIO_MASK, 0);
  scalar.trainee.set(LARS_WEIGHT_DECAY, 0);
  scalar.trainee.set(LARS_MOMENTUM, 0);
  scalar.trainee.set(LARS_DAMPENING, 0.25);
  EXPECT_EQ(scalar.step(), 4.0 - 0.5 * 2.0);
  EXPECT_EQ(scalar.step(), 4.0 - 2 * 0.5 * 2.0);
}

TEST(Variants, LarcLeavesTensorsWithoutGradientAlone) {
  Scalar larc(4.0, 0.0);
  larc.choose(LARS_VARIANT_LARC);
  EXPECT_EQ(larc.step(), 4.0);
  Scalar torch(4.0, 0.0);  // others decay, with ratio 1
  torch.choose(LARS_VARIANT_TORCH);
  EXPECT_EQ(torch.step(), 4.0 - 0.5 * 1.0);
  Scalar optax(4.0, 0.0);  // u = λw: r = η / λ
  EXPECT_EQ(optax.step(), 4.0 - 0.5 * 0.125 * 4.0);
}

// ---- Recipe ---------------------------------------------------------------------------------------------

TEST(MlperfResnet50, SetsTheRowOfTheNearestBatch) {
  Trainee trainee({{"conv.weight", LARS_F32, {3, 2}}, {"bn.scale", LARS_F32, {3}}});
  const auto rate = [&] { return value_of(trainee, 0, LARS_LEARNING_RATE); };
  ASSERT_EQ(lars_set_mlperf_resnet50(trainee.get(), 30000, 10), LARS_OK);
  EXPECT_EQ(rate(), 0.0);
  EXPECT_EQ(value_of(trainee, 0, LARS_MOMENTUM), 0.94);
  EXPECT_EQ(value_of(trainee, 0, LARS_WEIGHT_DECAY), 2.5e-5);
  EXPECT_EQ(value_of(trainee, 0, LARS_DENOMINATOR), LARS_DENOMINATOR_SUM);
  EXPECT_EQ(value_of(trainee, 0, LARS_TRUST_RATIO_MASK), 1.0);
  EXPECT_EQ(value_of(trainee, 1, LARS_TRUST_RATIO_MASK), 0.0);
  EXPECT_EQ(value_of(trainee, 1, LARS_WEIGHT_DECAY_MASK), 0.0);
  double greatest = 0.0;
  for (int step = 0; step < 160; ++step) {
    ASSERT_EQ(trainee.step(), LARS_OK);
    greatest = std::max(greatest, rate());
  }
  EXPECT_EQ(rate(), 21.2);  // the end of the warm-up
  EXPECT_EQ(greatest, 21.2);
  for (int step = 160; step < 571; ++step) ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_NEAR(rate(), 1e-4, 1e-12);
}

struct MlperfRow {
  std::uint64_t batch;
  double peak;
  int warmup_epochs;
  double momentum, weight_decay;
  int epochs;
};

/// The table of docs/variants.md, and the schedule of every step.
TEST(MlperfResnet50, HasEveryRowOfTheTable) {
  constexpr int kStepsPerEpoch = 3;
  for (const MlperfRow& row :
       {MlperfRow{1632, 7.4, 2, 0.9, 5e-5, 37}, MlperfRow{4096, 10.0, 5, 0.9, 2e-4, 42},
        MlperfRow{8192, 17.0, 5, 0.9, 2e-4, 44}, MlperfRow{32768, 21.2, 16, 0.94, 2.5e-5, 57},
        MlperfRow{65536, 24.7, 31, 0.952, 1e-4, 85}}) {
    SCOPED_TRACE(row.batch);
    Trainee trainee({{"conv.weight", LARS_F32, {3, 2}}});
    trainee.set(LARS_EPS, 0.5);
    trainee.set(LARS_TRUST_COEFFICIENT, 0.5);
    trainee.set(LARS_NESTEROV, 1);
    ASSERT_EQ(lars_set_mlperf_resnet50(trainee.get(), row.batch, kStepsPerEpoch), LARS_OK);
    EXPECT_EQ(value_of(trainee, 0, LARS_MOMENTUM), row.momentum);
    EXPECT_EQ(value_of(trainee, 0, LARS_WEIGHT_DECAY), row.weight_decay);
    EXPECT_EQ(value_of(trainee, 0, LARS_EPS), 0.0);
    EXPECT_EQ(value_of(trainee, 0, LARS_TRUST_COEFFICIENT), 0.001);
    EXPECT_EQ(value_of(trainee, 0, LARS_NESTEROV), 0.0);
    const double warmup = row.warmup_epochs * kStepsPerEpoch;
    const double total = row.epochs * kStepsPerEpoch;
    for (int step = 0; step < total + 5; ++step) {
      const double left = std::max(1.0 - (step - warmup) / (total - warmup + 1.0), 0.0);
      const double rate = step < warmup ? row.peak * step / warmup : (row.peak - 1e-4) * left * left + 1e-4;
      ASSERT_NEAR(value_of(trainee, 0, LARS_LEARNING_RATE), rate, 1e-12) << step;
      ASSERT_EQ(trainee.step(), LARS_OK);
    }
  }
}

TEST(MlperfResnet50, HoldsForParametersAddedLater) {
  Trainee trainee({});
  ASSERT_EQ(lars_set_mlperf_resnet50(trainee.get(), 65536, 10), LARS_OK);
  ASSERT_EQ(lars_add_parameter(trainee.get(), "later", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  EXPECT_EQ(value_of(trainee, 0, LARS_MOMENTUM), 0.952);
  EXPECT_EQ(value_of(trainee, 0, LARS_LEARNING_RATE), 0.0);
}

TEST(MlperfResnet50, TakesTheRowWhoseBatchIsNearestByRatio) {
  const auto peak = [](std::uint64_t batch) {
    Trainee trainee({{"conv.weight", LARS_F32, {3, 2}}});
    EXPECT_EQ(lars_set_mlperf_resnet50(trainee.get(), batch, 1), LARS_OK);
    double greatest = 0.0;
    for (int step = 0; step < 40; ++step) {  // past the longest warm-up
      greatest = std::max(greatest, value_of(trainee, 0, LARS_LEARNING_RATE));
      EXPECT_EQ(trainee.step(), LARS_OK);
    }
    return greatest;
  };
  EXPECT_EQ(peak(1), 7.4);
  EXPECT_EQ(peak(2585), 7.4);  // below the square root of 1632 * 4096
  EXPECT_EQ(peak(2586), 10.0);
  EXPECT_EQ(peak(16383), 17.0);
  EXPECT_EQ(peak(16385), 21.2);
  EXPECT_EQ(peak(std::uint64_t{1} << 63), 24.7);
}

// ---- Clipping -------------------------------------------------------------------------------------------

TEST(Clipping, ByGlobalNormIsThatOfAllTensorsTogether) {
  Trainee trainee({{"a", LARS_F64, {}}, {"b", LARS_F64, {}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_MOMENTUM, 0.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  const auto step = [&](double a, double b, double max_norm) {
    EXPECT_EQ(lars_set_gradient_clip(trainee.get(), max_norm), LARS_OK);
    set_element(trainee.specs()[0], trainee.parameters[0], 0, 0.0);
    set_element(trainee.specs()[1], trainee.parameters[1], 0, 0.0);
    set_element(trainee.specs()[0], trainee.gradients[0], 0, a);
    set_element(trainee.specs()[1], trainee.gradients[1], 0, b);
    EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
    return std::vector<double>{element(trainee.specs()[0], trainee.parameters[0], 0),
                               element(trainee.specs()[1], trainee.parameters[1], 0)};
  };
  EXPECT_EQ(step(3, 4, 10.0), (std::vector<double>{-3, -4}));
  EXPECT_EQ(step(3, 4, 2.5), (std::vector<double>{-1.5, -2}));
  EXPECT_EQ(step(3, 4, INFINITY), (std::vector<double>{-3, -4}));
  EXPECT_EQ(step(0, 0, 1.0), (std::vector<double>{0, 0}));
  const std::vector<double> huge = step(3e200, 4e200, 2.5);  // does not overflow
  EXPECT_DOUBLE_EQ(huge[0], -1.5);
  EXPECT_DOUBLE_EQ(huge[1], -2.0);
  EXPECT_EQ(step(3e-200, 4e-200, 2.5e-200)[1], -4e-200 * (2.5e-200 / 5e-200));  // nor underflows
}

TEST(Clipping, ByValueSparesWhatIsSmallerAndFindsInf) {
  Trainee trainee({{"w", LARS_F32, {3}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  trainee.set(LARS_TRUST_RATIO_MASK, 0);
  trainee.set(LARS_CLIP_VALUE, 0.5);
  for (std::size_t i = 0; i < 3; ++i) set_element(trainee.specs()[0], trainee.parameters[0], i, 0.0);
  const double gradients[] = {-2.0, 0.25, 0.75};
  for (std::size_t i = 0; i < 3; ++i) set_element(trainee.specs()[0], trainee.gradients[0], i, gradients[i]);
  EXPECT_EQ(trainee.step(), LARS_OK);
  const double expected[] = {0.5, -0.25, -0.5};
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], i), expected[i]);
  set_element(trainee.specs()[0], trainee.gradients[0], 1, -INFINITY);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  set_element(trainee.specs()[0], trainee.gradients[0], 1, NAN);
  EXPECT_EQ(trainee.step(), LARS_ERR_NONFINITE);
}

TEST(Clipping, ByGlobalNormNeedsAllGradients) {
  Trainee trainee({{"a", LARS_F32, {3}}, {"b", LARS_F32, {3}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  ASSERT_EQ(lars_set_gradient_clip(trainee.get(), 1.0), LARS_OK);
  EXPECT_EQ(lars_step_parameter(trainee.get(), 0, trainee.parameters[0].data(), trainee.gradients[0].data()),
            LARS_ERR_STATE);
  ASSERT_EQ(lars_set_gradient_clip(trainee.get(), INFINITY), LARS_OK);
  EXPECT_EQ(lars_step_parameter(trainee.get(), 0, trainee.parameters[0].data(), trainee.gradients[0].data()),
            LARS_OK);
}

/// The sums that the batch left do not tell the clipped norms.
TEST(Clipping, MayBeAskedForWhenTheBatchIsComplete) {
  Trainee before(assorted_tensors(LARS_F32));
  Trainee after(assorted_tensors(LARS_F32));
  for (Trainee* trainee : {&before, &after}) {
    trainee->set(LARS_LEARNING_RATE, 0.3);
    trainee->set(LARS_WEIGHT_DECAY, 0.02);
  }
  ASSERT_EQ(lars_set_gradient_clip(before.get(), 0.7), LARS_OK);
  ASSERT_EQ(before.accumulate(), LARS_OK);
  ASSERT_EQ(after.accumulate(), LARS_OK);
  ASSERT_EQ(lars_set_gradient_clip(after.get(), 0.7), LARS_OK);
  ASSERT_EQ(before.step_accumulated(), LARS_OK);
  ASSERT_EQ(after.step_accumulated(), LARS_OK);
  EXPECT_EQ(after.parameters, before.parameters);
}

/// The bits do not depend on the order in which parameters were added, nor does an accumulated step differ.
TEST(Clipping, HasTheSameBitsInAnyOrderAndAccumulated) {
  std::vector<TensorSpec> specs = assorted_tensors(LARS_F32);
  Trainee forward(specs);
  std::vector<TensorSpec> reversed(specs.rbegin(), specs.rend());
  Trainee backward(reversed);
  Trainee accumulated(specs);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    backward.parameters[specs.size() - 1 - i] = forward.parameters[i];
    backward.gradients[specs.size() - 1 - i] = forward.gradients[i];
  }
  accumulated.parameters = forward.parameters;
  accumulated.gradients = forward.gradients;
  for (Trainee* trainee : {&forward, &backward, &accumulated}) {
    trainee->set(LARS_LEARNING_RATE, 0.3);
    trainee->set(LARS_WEIGHT_DECAY, 0.02);
    ASSERT_EQ(lars_set_gradient_clip(trainee->get(), 0.7), LARS_OK);
  }
  for (int step = 0; step < 3; ++step) {
    ASSERT_EQ(forward.step(), LARS_OK);
    ASSERT_EQ(backward.step(), LARS_OK);
    ASSERT_EQ(accumulated.accumulate(), LARS_OK);
    ASSERT_EQ(accumulated.step_accumulated(), LARS_OK);
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(backward.parameters[specs.size() - 1 - i], forward.parameters[i]) << specs[i].name;
  }
  EXPECT_EQ(accumulated.parameters, forward.parameters);
}

}  // namespace
}  // namespace lars_test
