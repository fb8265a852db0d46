// Observers of steps: what they are told, when, and on which thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

Trainee make_trainee() {
  Trainee trainee({{"a", LARS_F32, {7, 3}}, {"b", LARS_F16, {5}}, {"c", LARS_F64, {4096 + 9}}});
  trainee.set(LARS_LEARNING_RATE, 0.4);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  return trainee;
}

std::vector<double> telemetry(const Trainee& trainee, std::int32_t quantity) {
  std::vector<double> values(trainee.specs().size(), -1.0);
  EXPECT_EQ(lars_telemetry(trainee.get(), quantity, values.data()), LARS_OK)
      << lars_error_message(trainee.get());
  return values;
}

struct Observed {
  lars_optimizer* optimizer = nullptr;
  std::thread::id thread = std::this_thread::get_id();
  std::vector<std::int32_t> statuses = {};
  std::vector<std::uint64_t> steps = {};
  std::vector<std::vector<double>> quantities = {};  // of the last step
  bool throws = false;

  static void observe(void* user, std::int32_t status, std::uint64_t steps, std::uint32_t count,
                      std::uint32_t quantity_count, const double* const* quantities) {
    auto& self = *static_cast<Observed*>(user);
    EXPECT_EQ(std::this_thread::get_id(), self.thread);
    std::uint64_t unread = 0;
    EXPECT_EQ(lars_step_count(self.optimizer, &unread), LARS_ERR_BUSY);
    self.statuses.push_back(status);
    self.steps.push_back(steps);
    self.quantities.clear();
    EXPECT_EQ(quantity_count, LARS_TELEMETRY_SKIPPED_SHARE + 1U);
    for (std::uint32_t i = 0; i < quantity_count; ++i) {
      self.quantities.emplace_back(quantities[i], quantities[i] + count);
    }
    if (self.throws) throw std::runtime_error("observer");
  }
};

/// What the observer was told of is what the calls tell.
void expect_told(const Trainee& trainee, const Observed& observed) {
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    const std::vector<double> expected = telemetry(trainee, quantity);
    const std::vector<double>& told = observed.quantities.at(static_cast<std::size_t>(quantity));
    ASSERT_EQ(told.size(), expected.size());
    for (std::size_t i = 0; i < told.size(); ++i) {
      EXPECT_TRUE(told[i] == expected[i] || (std::isnan(told[i]) && std::isnan(expected[i])))
          << "quantity " << quantity << " of " << i << ": " << told[i] << " for " << expected[i];
    }
  }
  std::uint64_t steps = 0;
  ASSERT_EQ(lars_step_count(trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(observed.steps.back(), steps);
}

/// A host's pool: every task on a thread of its own.
std::int32_t run_on_threads(void* user, std::uint32_t tasks, lars_task task, void* task_user) {
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < tasks; ++i) threads.emplace_back(task, task_user, i);
  for (std::thread& thread : threads) thread.join();
  ++*static_cast<int*>(user);
  return 0;
}

/// Every call that steps, with tensors large enough for several threads (Observed looks at its own), the
/// built-in ones and a host's.
TEST(Observer, IsToldOnTheCallingThreadByEveryCallThatSteps) {
  for (const bool host : {false, true}) {
    for (const bool external : {false, true}) {
      Trainee trainee({{"a", LARS_F32, {150001}}, {"b", LARS_F32, {150001}}});
      trainee.set(LARS_LEARNING_RATE, 0.25);
      int uses = 0;
      if (host) {
        ASSERT_EQ(lars_set_parallel_for(trainee.get(), run_on_threads, &uses, 2), LARS_OK);
      } else {
        ASSERT_EQ(lars_set_threads(trainee.get(), 2), LARS_OK);
      }
      Observed observed{trainee.get()};
      ASSERT_EQ(lars_set_observer(trainee.get(), Observed::observe, &observed), LARS_OK);
      const std::vector<void*> w = trainee.parameter_pointers();
      const std::vector<const void*> g = trainee.gradient_pointers();
      std::vector<std::vector<float>> memory(4, std::vector<float>(150001));
      void* const momentum[] = {memory[0].data(), memory[1].data()};
      void* const updates[] = {memory[2].data(), memory[3].data()};
      std::size_t told = 0;
      const auto expect_call = [&](std::int32_t status) {
        EXPECT_EQ(status, LARS_OK) << lars_error_message(trainee.get());
        ASSERT_EQ(observed.statuses.size(), ++told);
        EXPECT_TRUE(!host || uses > 0);  // or it would prove nothing
        uses = 0;
        expect_told(trainee, observed);
      };
      if (external) {
        expect_call(lars_step_external(trainee.get(), w.data(), g.data(), momentum, nullptr));
        expect_call(lars_update_external(trainee.get(), w.data(), g.data(), momentum, updates));
        continue;
      }
      expect_call(trainee.step());
      expect_call(lars_update(trainee.get(), w.data(), g.data(), updates));
      expect_call(lars_step_parameter(trainee.get(), 1, w[1], g[1]));
      std::vector<float> flat(300002, 0.5F);
      const std::vector<float> flat_gradients(300002, 0.25F);
      expect_call(lars_step_flat(trainee.get(), flat.data(), flat_gradients.data()));
      ASSERT_EQ(lars_set_accumulation(trainee.get(), 2), LARS_OK);
      ASSERT_EQ(trainee.accumulate(), LARS_OK);
      ASSERT_EQ(trainee.accumulate(), LARS_OK);
      expect_call(trainee.step_accumulated());
    }
  }
}

/// Tensor by tensor, in turn or not, whatever else changes what is known of steps in between.
TEST(Observer, IsToldOfAllParametersByStepsOfOne) {
  Trainee trainee({{"a", LARS_F32, {3}}, {"b", LARS_F32, {3}}, {"c", LARS_F32, {3}}, {"d", LARS_F32, {3}}});
  trainee.set(LARS_LEARNING_RATE, 0.25);
  Observed observed{trainee.get()};
  ASSERT_EQ(lars_set_observer(trainee.get(), Observed::observe, &observed), LARS_OK);
  const auto step = [&](std::uint32_t index) {
    ASSERT_EQ(lars_step_parameter(trainee.get(), index, trainee.parameters[index].data(),
                                  trainee.gradients[index].data()),
              LARS_OK);
    std::uint64_t least = UINT64_MAX;
    for (std::uint32_t i = 0; i < trainee.specs().size(); ++i) {
      std::uint64_t steps = 0;
      ASSERT_EQ(lars_parameter_step_count(trainee.get(), i, &steps), LARS_OK);
      least = std::min(least, steps);
    }
    EXPECT_EQ(observed.steps.back(), least);
    expect_told(trainee, observed);
  };
  std::uint64_t bytes = 0;
  ASSERT_EQ(lars_save_size(trainee.get(), &bytes), LARS_OK);
  Bytes fresh(bytes);
  ASSERT_EQ(lars_save_to(trainee.get(), fresh.data(), fresh.size()), LARS_OK);
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    step(i < 40 ? static_cast<std::uint32_t>(i % 4) : static_cast<std::uint32_t>(random() % 4));
    if (i % 50 == 45) {
      ASSERT_EQ(lars_set_parameter_step_count(trainee.get(), 2, random() % 30), LARS_OK);
    }
    if (i % 50 == 25) {
      ASSERT_EQ(lars_set_observer(trainee.get(), nullptr, nullptr), LARS_OK);
      ASSERT_EQ(trainee.step(), LARS_OK);
      ASSERT_EQ(lars_set_observer(trainee.get(), Observed::observe, &observed), LARS_OK);
    }
    if (i == 150) {
      ASSERT_EQ(lars_load_from(trainee.get(), fresh.data(), fresh.size()), LARS_OK);
    }
  }
  for (const std::uint64_t last : {UINT64_MAX - 2, UINT64_MAX}) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      ASSERT_EQ(lars_set_parameter_step_count(trainee.get(), i, last), LARS_OK);
    }
    for (std::uint32_t i = 0; i < 16; ++i) step(i % 4);
  }
}

TEST(Observer, IsToldOfEveryStepTakenOrSkipped) {
  Trainee trainee = make_trainee();
  Observed observed{trainee.get()};
  ASSERT_EQ(lars_set_observer(trainee.get(), Observed::observe, &observed), LARS_OK);
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  expect_told(trainee, observed);
  set_element(trainee.specs()[0], trainee.gradients[0], 1, NAN);
  ASSERT_EQ(trainee.step(), LARS_SKIPPED);
  expect_told(trainee, observed);
  ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_REFUSE), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_ERR_NONFINITE);
  EXPECT_EQ(observed.statuses, (std::vector<std::int32_t>{LARS_OK, LARS_SKIPPED}));
  EXPECT_EQ(observed.steps, (std::vector<std::uint64_t>{1, 1}));
  trainee.draw_gradients(3);
  observed.throws = true;
  EXPECT_EQ(trainee.step(), LARS_OK);  // done, whatever the observer thinks of it
  EXPECT_EQ(observed.statuses.size(), 3U);
  ASSERT_EQ(lars_set_observer(trainee.get(), nullptr, nullptr), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(observed.statuses.size(), 3U);
}

TEST(Observer, MaySetBeforeParametersAreAdded) {
  Trainee trainee({});
  Observed observed{trainee.get()};
  ASSERT_EQ(lars_set_observer(trainee.get(), Observed::observe, &observed), LARS_OK);
  ASSERT_EQ(lars_add_parameter(trainee.get(), "w", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  trainee.set(LARS_LEARNING_RATE, 0.1);
  float w = 1.0F;
  const float g = 1.0F;
  ASSERT_EQ(lars_step_flat(trainee.get(), &w, &g), LARS_OK);
  EXPECT_EQ(observed.quantities.at(LARS_TELEMETRY_TRUST_RATIO).size(), 1U);
}

}  // namespace
}  // namespace lars_test
