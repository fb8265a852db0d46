// Checkpoints: what is saved is all there is. checkpoint_files_test.cpp is about the file.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

// ---- Resuming -------------------------------------------------------------------------------------------

struct Scenario {
  const char* name;
  Configure configure;
  int micro_batches = 1;
};

void set_schedules(Trainee& trainee) {
  const ScheduleHandle warmup =
      make_schedule(lars_schedule_linear, 0.0, 0.5, std::uint64_t{4}, std::uint64_t{0});
  const ScheduleHandle cosine = make_schedule(lars_schedule_cosine_decay, 0.5, std::uint64_t{9}, 0.1, 1.5);
  const lars_schedule* parts[] = {warmup.get(), cosine.get()};
  const std::uint64_t boundary = 4;
  const ScheduleHandle joined = make_schedule(lars_schedule_join, 2U, &parts[0], &boundary);
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, joined.get()), trainee);
  const std::uint64_t boundaries[] = {3, 6};
  const double scales[] = {0.5, 0.25};
  const ScheduleHandle steps =
      make_schedule(lars_schedule_piecewise_constant, 0.02, 2U, &boundaries[0], &scales[0]);
  expect_ok(lars_set_schedule(trainee.get(), "*e*", LARS_WEIGHT_DECAY, steps.get()), trainee);
  const ScheduleHandle points = make_schedule(lars_schedule_piecewise_interpolate, LARS_INTERPOLATE_COSINE,
                                              0.9, 2U, &boundaries[0], &scales[0]);
  expect_ok(lars_set_schedule(trainee.get(), "single", LARS_MOMENTUM, points.get()), trainee);
  const double least = 0.001;
  const ScheduleHandle decay =
      make_schedule(lars_schedule_exponential_decay, 1.0, std::uint64_t{3}, 0.7, std::uint64_t{1}, 1, &least);
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_GRADIENT_SCALE, decay.get()), trainee);
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"plain", [](Trainee& t) { t.set(LARS_NESTEROV, 1); }},
      {"schedules", set_schedules},
      {"accumulation", [](Trainee& t) { expect_ok(lars_set_accumulation(t.get(), 3), t); }, 3},
      {"accumulation, scheduled",
       [](Trainee& t) {
         set_schedules(t);
         expect_ok(lars_set_accumulation(t.get(), 2), t);
       },
       2},
      {"clipped",
       [](Trainee& t) {
         t.set(LARS_CLIP_VALUE, 0.05);
         expect_ok(lars_set_gradient_clip(t.get(), 0.3), t);
       }},
      {"dampened", [](Trainee& t) { t.set(LARS_DAMPENING, 0.2); }},
      {"paper", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_PAPER), t); }},
      {"torch", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_TORCH), t); }},
      {"larc", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_LARC), t); }},
      {"barlow", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_BARLOW), t); }},
      {"tf", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_TF), t); }},
  };
  return all;
}

/// Whatever the state at the save, and however the new handle was set up, it goes on with the same bits.
TEST_F(Checkpoints, ResumedRunsHaveTheBitsOfThoseThatNeverStopped) {
  constexpr int kLast = 12;
  for (const Scenario& run : scenarios()) {
    Trainee whole = make_trainee(run.configure);
    train(whole, 0, kLast, run.micro_batches);
    for (int stop = 0; stop < kLast; ++stop) {
      SCOPED_TRACE(std::string(run.name) + ", saved after " + std::to_string(stop));
      Trainee before = make_trainee(run.configure);
      train(before, 0, stop, run.micro_batches);
      ASSERT_EQ(lars_save(before.get(), path().c_str()), LARS_OK) << message(before);

      Trainee after(all_types());  // knows nothing but the parameters
      ASSERT_EQ(lars_load(after.get(), path().c_str()), LARS_OK) << message(after);
      EXPECT_EQ(saved(after), read_file(path()));  // nothing was lost or changed
      after.parameters = before.parameters;
      train(after, stop, kLast, run.micro_batches);
      ASSERT_EQ(after.parameters, whole.parameters);
      ASSERT_EQ(saved(after), saved(whole));
    }
  }
}

TEST_F(Checkpoints, ParametersAreMatchedByName) {
  Trainee first = make_trainee([](Trainee& t) { t.set(LARS_MOMENTUM, 0.5, "single"); });
  train(first, 0, 3, 1);
  std::vector<TensorSpec> reversed = all_types();
  std::reverse(reversed.begin(), reversed.end());
  Trainee second(reversed);
  expect_ok(load(second, saved(first)), second);
  std::uint32_t index = 0;
  ASSERT_EQ(lars_parameter_index(second.get(), "single", &index), LARS_OK);
  double momentum = 0.0;
  EXPECT_EQ(lars_get(second.get(), index, LARS_MOMENTUM, &momentum), LARS_OK);
  EXPECT_EQ(momentum, 0.5);
  first.draw_gradients(9);
  for (std::size_t i = 0; i < reversed.size(); ++i) {
    second.parameters[i] = first.parameters[reversed.size() - 1 - i];
    second.gradients[i] = first.gradients[reversed.size() - 1 - i];
  }
  expect_ok(first.step(), first);
  expect_ok(second.step(), second);
  for (std::size_t i = 0; i < reversed.size(); ++i) {
    EXPECT_EQ(second.parameters[i], first.parameters[reversed.size() - 1 - i]) << reversed[i].name;
  }
}

TEST_F(Checkpoints, CountsAndTelemetryComeBack) {
  Trainee first = make_trainee([](Trainee& t) {
    expect_ok(lars_set_nonfinite_policy(t.get(), LARS_NONFINITE_SKIP), t);
    expect_ok(lars_set_max_consecutive_skips(t.get(), 2), t);
    expect_ok(lars_set_gradient_norms(t.get(), 1), t);
  });
  train(first, 0, 3, 1);
  set_element(first.specs()[1], first.gradients[1], 0, NAN);
  EXPECT_EQ(first.step(), LARS_SKIPPED);
  EXPECT_EQ(first.step(), LARS_SKIPPED);
  Trainee second(all_types());
  expect_ok(load(second, saved(first)), second);
  std::uint64_t consecutive = 0;
  std::uint64_t total = 0;
  EXPECT_EQ(lars_skip_count(second.get(), &consecutive, &total), LARS_OK);
  EXPECT_EQ(consecutive, 2U);
  EXPECT_EQ(total, 2U);
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    std::vector<double> expected(all_types().size());
    std::vector<double> values(all_types().size());
    EXPECT_EQ(lars_telemetry(first.get(), quantity, expected.data()), LARS_OK);
    EXPECT_EQ(lars_telemetry(second.get(), quantity, values.data()), LARS_OK);
    EXPECT_EQ(values, expected) << quantity;
  }
  second.parameters = first.parameters;
  second.gradients = first.gradients;
  EXPECT_EQ(second.step(), LARS_ERR_NONFINITE);  // the third in a row
  second.gradients = first.gradients;            // and so does the policy, whose limit is reached
  EXPECT_EQ(first.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(second.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(message(second), message(first));
  EXPECT_NE(message(second).find("2 steps in a row were skipped"), std::string::npos) << message(second);
}

/// A checkpoint is of other parameters than those whose norms the last step left behind.
TEST_F(Checkpoints, LoadingWithdrawsCarriedNorms) {
  const auto make = [](int carries) {
    return make_trainee([carries](Trainee& t) { expect_ok(lars_set_carry_norms(t.get(), carries), t); });
  };
  Trainee plain = make(0);
  Trainee carrying = make(1);
  for (Trainee* trainee : {&plain, &carrying}) {
    const std::string checkpoint = saved(*trainee);
    const auto parameters = trainee->parameters;
    for (int step = 0; step < 3; ++step) expect_ok(trainee->step(), *trainee);
    expect_ok(load(*trainee, checkpoint), *trainee);
    trainee->parameters = parameters;
    expect_ok(trainee->step(), *trainee);
  }
  EXPECT_EQ(carrying.parameters, plain.parameters);
}

// ---- Callbacks ------------------------------------------------------------------------------------------

std::int32_t constant_tenth(void* /*user*/, std::uint64_t /*step*/, double* value) {
  *value = 0.1;
  return 0;
}

void set_callback(Trainee& trainee) {
  const ScheduleHandle schedule =
      make_schedule(lars_schedule_callback, &constant_tenth, static_cast<void*>(nullptr));
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), trainee);
}

TEST_F(Checkpoints, CallbacksMustBeSetAgainBeforeOrAfterLoading) {
  Trainee first = make_trainee(set_callback);
  train(first, 0, 2, 1);
  const std::string checkpoint = saved(first);
  first.draw_gradients(5);
  const std::vector<Bytes> start = first.parameters;
  const std::vector<Bytes> gradients = first.gradients;
  expect_ok(first.step(), first);

  Trainee after(all_types());
  expect_ok(load(after, checkpoint), after);
  after.parameters = start;
  after.gradients = gradients;
  EXPECT_EQ(after.step(), LARS_ERR_STATE);
  EXPECT_NE(message(after).find("set it again with lars_set_schedule"), std::string::npos) << message(after);
  EXPECT_EQ(after.parameters, start);
  set_callback(after);
  expect_ok(after.step(), after);
  EXPECT_EQ(after.parameters, first.parameters);

  Trainee before = make_trainee(set_callback);
  expect_ok(load(before, checkpoint), before);
  before.parameters = start;
  before.gradients = gradients;
  expect_ok(before.step(), before);
  EXPECT_EQ(before.parameters, first.parameters);
}

}  // namespace
}  // namespace lars_test
