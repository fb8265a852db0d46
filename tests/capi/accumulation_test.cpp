// Accumulated micro-batches and carried norms: the bits of the plain step, on fewer passes over memory.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

Trainee make_trainee(std::int32_t dtype = LARS_F32, double weight_decay = 0.01) {
  Trainee trainee(assorted_tensors(dtype));
  trainee.set(LARS_LEARNING_RATE, 2.0);
  trainee.set(LARS_WEIGHT_DECAY, weight_decay);
  trainee.set(LARS_WEIGHT_DECAY_MASK, 0, "conv.*");
  return trainee;
}

/// Adds the gradients of `from` to those of `to`, in the order and the type in which the library does.
void add_gradients(const Trainee& from, Trainee& to) {
  for (std::size_t t = 0; t < to.specs().size(); ++t) {
    const TensorSpec& spec = to.specs()[t];
    for (std::size_t i = 0; i < spec.count(); ++i) {
      set_element(spec, to.gradients[t], i,
                  element(spec, to.gradients[t], i) + element(spec, from.gradients[t], i));
    }
  }
}

void expect_equal_norms(const Trainee& a, const Trainee& b) {
  for (std::uint32_t i = 0; i < a.specs().size(); ++i) {
    double x[3];
    double y[3];
    ASSERT_EQ(lars_norms(a.get(), i, &x[0], &x[1], &x[2]), LARS_OK);
    ASSERT_EQ(lars_norms(b.get(), i, &y[0], &y[1], &y[2]), LARS_OK);
    for (int k = 0; k < 3; ++k) EXPECT_EQ(x[k], y[k]) << a.specs()[i].name << ' ' << k;
  }
}

double weight_norm(const Trainee& trainee, std::uint32_t index = 0) {
  double norm = 0.0;
  EXPECT_EQ(lars_norms(trainee.get(), index, &norm, nullptr, nullptr), LARS_OK);
  return norm;
}

// ---- Accumulation ---------------------------------------------------------------------------------------

struct Setting {
  std::int32_t dtype;
  std::uint32_t micro_batches;
  std::int32_t policy;
  const char* kernels = "auto";
};

class Accumulation : public testing::TestWithParam<Setting> {};

/// Three batches, against lars_step with the sums and the scale of the mean.
TEST_P(Accumulation, IsThePlainStepOfTheMean) {
  const auto [dtype, k, policy, kernels] = GetParam();
  Trainee accumulated = make_trainee(dtype);
  Trainee plain = make_trainee(dtype);
  for (Trainee* trainee : {&accumulated, &plain}) {
    ASSERT_EQ(lars_set_nonfinite_policy(trainee->get(), policy), LARS_OK);
    ASSERT_EQ(lars_set_kernels(trainee->get(), kernels), LARS_OK);
  }
  accumulated.set(LARS_GRADIENT_SCALE, 0.3);
  plain.set(LARS_GRADIENT_SCALE, 0.3 / k);
  ASSERT_EQ(lars_set_accumulation(accumulated.get(), k), LARS_OK);
  for (std::uint64_t batch = 0; batch < 3; ++batch) {
    for (std::uint32_t i = 0; i < k; ++i) {
      accumulated.draw_gradients(100 * batch + i);
      ASSERT_EQ(accumulated.accumulate(), LARS_OK) << lars_error_message(accumulated.get());
      if (i == 0) {
        plain.gradients = accumulated.gradients;
      } else {
        add_gradients(accumulated, plain);
      }
      std::uint32_t done = 0;
      std::uint32_t of = 0;
      EXPECT_EQ(lars_accumulated(accumulated.get(), &done, &of), LARS_OK);
      EXPECT_EQ(done, i + 1);
      EXPECT_EQ(of, k);
    }
    ASSERT_EQ(accumulated.step_accumulated(), LARS_OK) << lars_error_message(accumulated.get());
    ASSERT_EQ(plain.step(), LARS_OK);
    EXPECT_EQ(accumulated.parameters, plain.parameters);
    expect_equal_norms(accumulated, plain);
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, Accumulation,
                         testing::Values(Setting{LARS_F32, 1, LARS_NONFINITE_REFUSE},
                                         Setting{LARS_F32, 2, LARS_NONFINITE_SKIP},
                                         Setting{LARS_F32, 5, LARS_NONFINITE_PROPAGATE},
                                         Setting{LARS_F64, 3, LARS_NONFINITE_REFUSE},
                                         Setting{LARS_F64, 3, LARS_NONFINITE_PROPAGATE}));
#ifdef LARS_WITH_OPENBLAS
INSTANTIATE_TEST_SUITE_P(OpenBlas, Accumulation,
                         testing::Values(Setting{LARS_F32, 3, LARS_NONFINITE_REFUSE, "blas"},
                                         Setting{LARS_F64, 3, LARS_NONFINITE_PROPAGATE, "blas"}));
#endif

/// 16-bit gradients are added in binary32: two that cancel to less than their own precision are not lost.
TEST(Accumulation, AddsNarrowGradientsInBinary32) {
  for (const std::int32_t gradient : {LARS_F16, LARS_BF16}) {
    for (const std::int32_t parameter : {LARS_F32, gradient}) {
      Trainee trainee({{"w", parameter, {1}}});
      ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), nullptr, gradient), LARS_OK);
      trainee.set(LARS_LEARNING_RATE, 1.0);
      trainee.set(LARS_TRUST_RATIO_MASK, 0);
      set_element(trainee.specs()[0], trainee.parameters[0], 0, 0.0);
      ASSERT_EQ(lars_set_accumulation(trainee.get(), 4), LARS_OK);
      for (const double value : {1024.0, 0.125, 0.125, -1024.0}) {
        trainee.gradients[0] = Bytes(2);
        write_number(gradient, trainee.gradients[0].data(), 0, value);
        ASSERT_EQ(trainee.accumulate(), LARS_OK);
      }
      ASSERT_EQ(trainee.step_accumulated(), LARS_OK);
      EXPECT_EQ(element(trainee.specs()[0], trainee.parameters[0], 0), -0.0625);
    }
  }
}

TEST(Accumulation, NeedsParametersOnlyWhenTheBatchCompletes) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_accumulation(trainee.get(), 2), LARS_OK);
  EXPECT_EQ(lars_accumulate(trainee.get(), nullptr, trainee.gradient_pointers().data()), LARS_OK);
  EXPECT_EQ(lars_accumulate(trainee.get(), nullptr, trainee.gradient_pointers().data()), LARS_ERR_ARGUMENT);
  EXPECT_EQ(trainee.accumulate(), LARS_OK);
  EXPECT_EQ(trainee.step_accumulated(), LARS_OK);
}

/// The norms gathered by the last micro-batch serve only the hyper-parameters and parameters they were
/// gathered with.
TEST(Accumulation, GathersAfreshWhatNoLongerHolds) {
  enum { scale, decay, mask, kernels, told, moved, kCases };
  for (int change = 0; change < kCases; ++change) {
    SCOPED_TRACE(change);
    Trainee accumulated = make_trainee();
    Trainee plain = make_trainee();
    ASSERT_EQ(accumulated.accumulate(), LARS_OK);
    for (Trainee* trainee : {&accumulated, &plain}) {
      if (change == scale) trainee->set(LARS_GRADIENT_SCALE, 0.5);
      if (change == decay) trainee->set(LARS_WEIGHT_DECAY, 0.02);
      if (change == mask) trainee->set(LARS_WEIGHT_DECAY_MASK, 1);
      if (change == kernels) lars_set_kernels(trainee->get(), "reference");
      if (change == told) {
        set_element(trainee->specs()[1], trainee->parameters[1], 3, 5.0);
        EXPECT_EQ(lars_parameters_changed(trainee->get()), LARS_OK);
      }
      if (change == moved) {
        std::vector<Bytes> elsewhere = trainee->parameters;
        set_element(trainee->specs()[1], elsewhere[1], 3, 5.0);
        std::swap(trainee->parameters, elsewhere);
      }
    }
    ASSERT_EQ(accumulated.step_accumulated(), LARS_OK);
    ASSERT_EQ(plain.step(), LARS_OK);
    EXPECT_EQ(accumulated.parameters, plain.parameters);
    expect_equal_norms(accumulated, plain);
  }
}

/// That the step gathers no norms itself shows when parameters are changed without telling.
TEST(Accumulation, StepUsesTheNormsOfTheLastMicroBatch) {
  Trainee trainee = make_trainee();
  Trainee twin = make_trainee();
  for (Trainee* one : {&trainee, &twin}) ASSERT_EQ(one->accumulate(), LARS_OK);
  set_element(trainee.specs()[1], trainee.parameters[1], 0, 1000.0);
  for (Trainee* one : {&trainee, &twin}) ASSERT_EQ(one->step_accumulated(), LARS_OK);
  EXPECT_EQ(weight_norm(trainee, 1), weight_norm(twin, 1));
}

TEST(Accumulation, PlainStepInBetweenIsAStepOfItsOwn) {
  Trainee accumulated = make_trainee();
  Trainee plain = make_trainee();
  ASSERT_EQ(lars_set_accumulation(accumulated.get(), 1), LARS_OK);
  ASSERT_EQ(accumulated.accumulate(), LARS_OK);
  for (Trainee* trainee : {&accumulated, &plain}) {
    ASSERT_EQ(trainee->step(), LARS_OK);  // changes the parameters for which norms were gathered
  }
  ASSERT_EQ(accumulated.step_accumulated(), LARS_OK);
  ASSERT_EQ(plain.step(), LARS_OK);
  EXPECT_EQ(accumulated.parameters, plain.parameters);
  expect_equal_norms(accumulated, plain);
}

TEST(Accumulation, RefusedBatchStaysSkippedBatchIsUsedUp) {
  for (const std::int32_t policy : {LARS_NONFINITE_REFUSE, LARS_NONFINITE_SKIP}) {
    Trainee trainee = make_trainee();
    ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), policy), LARS_OK);
    const std::vector<Bytes> before = trainee.parameters;
    set_element(trainee.specs()[1], trainee.gradients[1], 2, NAN);
    ASSERT_EQ(trainee.accumulate(), LARS_OK);
    const bool refuses = policy == LARS_NONFINITE_REFUSE;
    for (int attempt = 0; attempt < 2; ++attempt) {
      const std::int32_t expected = refuses        ? LARS_ERR_NONFINITE
                                    : attempt == 0 ? LARS_SKIPPED
                                                   : LARS_ERR_STATE;
      EXPECT_EQ(trainee.step_accumulated(), expected);
      EXPECT_EQ(trainee.parameters, before);
    }
    std::uint32_t done = 0;
    EXPECT_EQ(lars_accumulated(trainee.get(), &done, nullptr), LARS_OK);
    EXPECT_EQ(done, refuses ? 1U : 0U);
    // A refused batch may be taken as it is, under another policy.
    if (refuses) {
      ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_PROPAGATE), LARS_OK);
      EXPECT_EQ(trainee.step_accumulated(), LARS_OK);
      EXPECT_TRUE(std::isnan(element(trainee.specs()[1], trainee.parameters[1], 2)));
    }
  }
}

TEST(Accumulation, DiscardedBatchLeavesNothing) {
  Trainee trainee = make_trainee();
  Trainee twin = make_trainee();
  ASSERT_EQ(lars_set_accumulation(trainee.get(), 2), LARS_OK);
  ASSERT_EQ(lars_set_accumulation(twin.get(), 2), LARS_OK);
  for (const int micro_batches : {1, 2}) {
    trainee.draw_gradients(77);
    for (int i = 0; i < micro_batches; ++i) ASSERT_EQ(trainee.accumulate(), LARS_OK);
    ASSERT_EQ(lars_discard_accumulated(trainee.get()), LARS_OK);
    EXPECT_EQ(trainee.step_accumulated(), LARS_ERR_STATE);
  }
  for (Trainee* one : {&trainee, &twin}) {
    one->draw_gradients(5);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(one->accumulate(), LARS_OK);
    ASSERT_EQ(one->step_accumulated(), LARS_OK);
  }
  EXPECT_EQ(trainee.parameters, twin.parameters);
}

TEST(Accumulation, OfNoParametersCounts) {
  const OptimizerHandle optimizer = make_optimizer();
  EXPECT_EQ(lars_accumulate(optimizer.get(), nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_step_accumulated(optimizer.get(), nullptr), LARS_OK);
  EXPECT_EQ(lars_step_accumulated(optimizer.get(), nullptr), LARS_ERR_STATE);
}

// ---- Carried norms --------------------------------------------------------------------------------------

class Carry : public testing::TestWithParam<std::pair<std::int32_t, double>> {
 protected:
  Trainee carried = make_trainee(GetParam().first, GetParam().second);
  Trainee plain = make_trainee(GetParam().first, GetParam().second);

  void SetUp() override { ASSERT_EQ(lars_set_carry_norms(carried.get(), 1), LARS_OK); }

  template <class Step>
  void both(const Step& step) {
    for (Trainee* trainee : {&carried, &plain})
      ASSERT_EQ(step(*trainee), LARS_OK) << lars_error_message(trainee->get());
    EXPECT_EQ(carried.parameters, plain.parameters);
    expect_equal_norms(carried, plain);
  }
};

TEST_P(Carry, GivesTheSameBits) {
  for (std::uint64_t step = 0; step < 6; ++step) {
    both([&](Trainee& trainee) {
      trainee.draw_gradients(step);
      return trainee.step();
    });
  }
  both([](Trainee& trainee) {
    trainee.accumulate();
    return trainee.step_accumulated();
  });
  both([](Trainee& trainee) { return trainee.step(); });
  both([](Trainee& trainee) {
    return lars_step_parameter(trainee.get(), 6, trainee.parameters[6].data(), trainee.gradients[6].data());
  });
  both([](Trainee& trainee) { return trainee.step(); });
}

#ifdef LARS_WITH_OPENBLAS
TEST_P(Carry, GivesTheSameBitsWithOpenBlas) {
  for (Trainee* trainee : {&carried, &plain}) ASSERT_EQ(lars_set_kernels(trainee->get(), "blas"), LARS_OK);
  for (int step = 0; step < 3; ++step) {
    both([](Trainee& trainee) { return trainee.step(); });
  }
}
#endif

TEST_P(Carry, OutlastsARefusedStep) {
  both([](Trainee& trainee) { return trainee.step(); });
  const Bytes gradient = carried.gradients[1];
  set_element(carried.specs()[1], carried.gradients[1], 0, INFINITY);
  EXPECT_EQ(carried.step(), LARS_ERR_NONFINITE);
  carried.gradients[1] = gradient;
  both([](Trainee& trainee) { return trainee.step(); });
}

/// The library adds increments of lars_update nowhere, so what it knew of the parameters is gone.
TEST_P(Carry, IsNotMisledByUpdates) {
  if (size_of_type(GetParam().first) < 4) return;  // which lars_update does not serve
  both([](Trainee& trainee) { return trainee.step(); });
  both([](Trainee& trainee) {
    std::vector<Bytes> memory;
    std::vector<void*> updates;
    for (const Bytes& parameter : trainee.parameters) memory.emplace_back(parameter.size());
    for (Bytes& one : memory) updates.push_back(one.data());
    const std::vector<void*> w = trainee.parameter_pointers();
    const std::int32_t status =
        lars_update(trainee.get(), w.data(), trainee.gradient_pointers().data(), updates.data());
    for (std::size_t t = 0; t < memory.size(); ++t) {
      const TensorSpec& spec = trainee.specs()[t];
      for (std::size_t i = 0; i < spec.count(); ++i) {
        set_element(spec, trainee.parameters[t], i,
                    element(spec, trainee.parameters[t], i) + element(spec, memory[t], i));
      }
    }
    return status;
  });
  both([](Trainee& trainee) { return trainee.step(); });
}

TEST_P(Carry, IsWithdrawnOnceByParametersChanged) {
  both([](Trainee& trainee) { return trainee.step(); });
  both([](Trainee& trainee) {
    set_element(trainee.specs()[1], trainee.parameters[1], 0, 1000.0);
    lars_parameters_changed(trainee.get());
    return trainee.step();
  });
  // Not told, the library uses the norm that it carried.
  const double carried_norm = weight_norm(carried, 1);
  both([](Trainee& trainee) { return trainee.step(); });
  EXPECT_NEAR(weight_norm(carried, 1), carried_norm, 1.0);
  set_element(carried.specs()[1], carried.parameters[1], 0, 0.0);
  ASSERT_EQ(carried.step(), LARS_OK);
  EXPECT_GT(weight_norm(carried, 1), 900.0);
}

TEST_P(Carry, TakesOtherBuffersForWhatTheyAre) {
  both([](Trainee& trainee) { return trainee.step(); });
  both([](Trainee& trainee) {
    std::vector<Bytes> moved = trainee.parameters;
    set_element(trainee.specs()[1], moved[1], 0, 1000.0);
    std::swap(trainee.parameters, moved);
    return trainee.step();
  });
}

INSTANTIATE_TEST_SUITE_P(Types, Carry,
                         testing::Values(std::pair{LARS_F32, 0.0}, std::pair{LARS_F32, 0.01},
                                         std::pair{LARS_F64, 0.0}, std::pair{LARS_BF16, 0.0}));

/// Tensors of binary64 whose squares overflow or underflow are looked at twice, carried or not.
TEST(Carry, OfExtremeMagnitudes) {
  for (const double magnitude : {1e200, 1e-200}) {
    const std::vector<TensorSpec> specs = {{"w", LARS_F64, {300}}};
    Trainee carried(specs);
    Trainee plain(specs);
    ASSERT_EQ(lars_set_carry_norms(carried.get(), 1), LARS_OK);
    for (Trainee* trainee : {&carried, &plain}) {
      trainee->set(LARS_LEARNING_RATE, 1.0);
      trainee->parameters[0] = random_values(specs[0], 3, magnitude);
      for (int step = 0; step < 4; ++step) ASSERT_EQ(trainee->step(), LARS_OK);
    }
    EXPECT_EQ(carried.parameters, plain.parameters);
    expect_equal_norms(carried, plain);
  }
}

}  // namespace
}  // namespace lars_test
