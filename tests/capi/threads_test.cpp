// One call at a time on a handle; handles independent of each other.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// Every function of lars.h that takes an optimizer and returns a status, with arguments that would be valid.
std::vector<std::pair<std::string, std::function<std::int32_t(lars_optimizer*)>>> calls_on_a_handle() {
  static const ScheduleHandle schedule = make_schedule(lars_schedule_constant, 0.5);
  static const lars_predicate everyone = [](void*, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                                            const std::int64_t*) { return 1; };
  static float w[2] = {1, 2};
  static float g[2] = {1, 2};
  static float u[2] = {0, 0};
  static void* const parameters[] = {w};
  static const void* const read_parameters[] = {w};
  static const void* const gradients[] = {g};
  static void* const updates[] = {u};
  static std::uint32_t number = 0;
  static std::uint64_t count = 0;
  static double value = 0.0;
  using Handle = lars_optimizer*;
  return {
      {"lars_destroy", [](Handle h) { return lars_destroy(h); }},
      {"lars_add_parameter",
       [](Handle h) { return lars_add_parameter(h, "x", LARS_F32, 0, nullptr, &number); }},
      {"lars_parameter_count", [](Handle h) { return lars_parameter_count(h, &number); }},
      {"lars_parameter_index", [](Handle h) { return lars_parameter_index(h, "w", &number); }},
      {"lars_parameter_info",
       [](Handle h) { return lars_parameter_info(h, 0, nullptr, nullptr, &number, nullptr); }},
      {"lars_set", [](Handle h) { return lars_set(h, nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set_if", [](Handle h) { return lars_set_if(h, everyone, nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set_schedule",
       [](Handle h) { return lars_set_schedule(h, nullptr, LARS_MOMENTUM, schedule.get()); }},
      {"lars_set_schedule_if",
       [](Handle h) { return lars_set_schedule_if(h, everyone, nullptr, LARS_MOMENTUM, schedule.get()); }},
      {"lars_get", [](Handle h) { return lars_get(h, 0, LARS_MOMENTUM, &value); }},
      {"lars_set_nonfinite_policy",
       [](Handle h) { return lars_set_nonfinite_policy(h, LARS_NONFINITE_SKIP); }},
      {"lars_set_kernels", [](Handle h) { return lars_set_kernels(h, "auto"); }},
      {"lars_step", [](Handle h) { return lars_step(h, parameters, gradients); }},
      {"lars_step_flat", [](Handle h) { return lars_step_flat(h, w, g); }},
      {"lars_step_parameter", [](Handle h) { return lars_step_parameter(h, 0, w, g); }},
      {"lars_update", [](Handle h) { return lars_update(h, read_parameters, gradients, updates); }},
      {"lars_step_count", [](Handle h) { return lars_step_count(h, &count); }},
      {"lars_parameter_step_count", [](Handle h) { return lars_parameter_step_count(h, 0, &count); }},
      {"lars_norms", [](Handle h) { return lars_norms(h, 0, &value, nullptr, nullptr); }},
      {"lars_skip_count", [](Handle h) { return lars_skip_count(h, &count, nullptr); }}};
}

/// Calls everything on the handle and expects to find it busy.
void expect_all_busy(lars_optimizer* optimizer) {
  for (const auto& [name, call] : calls_on_a_handle()) EXPECT_EQ(call(optimizer), LARS_ERR_BUSY) << name;
  EXPECT_NE(std::string(lars_error_message(optimizer)).find("another call on this handle is running"),
            std::string::npos);
  EXPECT_STREQ(lars_kernels(optimizer), "reference");
}

std::int32_t reenter_from_predicate(void* user, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                                    const std::int64_t*) {
  expect_all_busy(static_cast<lars_optimizer*>(user));
  return 1;
}

std::int32_t reenter_from_schedule(void* user, std::uint64_t, double* value) {
  expect_all_busy(static_cast<lars_optimizer*>(user));
  *value = 0.5;
  return 0;
}

TEST(Busy, CallbacksThatReenterTheHandle) {
  Trainee trainee({{"w", LARS_F32, {2}}});
  EXPECT_EQ(lars_set_if(trainee.get(), reenter_from_predicate, trainee.get(), LARS_LEARNING_RATE, 0.5),
            LARS_OK);
  const ScheduleHandle schedule = make_schedule(lars_schedule_callback, reenter_from_schedule, trainee.get());
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_OK);
}

TEST(Busy, ListsEveryFunctionThatTakesAHandle) {
  std::set<std::string> names;
  for (const auto& [name, call] : calls_on_a_handle()) names.insert(name);
  // lars_create makes the handle; lars_error_message and lars_kernels answer while busy and are checked
  // above.
  EXPECT_EQ(names.size(), 20U);
}

struct Gate {
  std::latch entered{1};
  std::latch may_leave{1};
};

std::int32_t wait_at_gate(void* user, std::uint64_t, double* value) {
  auto* gate = static_cast<Gate*>(user);
  gate->entered.count_down();
  gate->may_leave.wait();
  *value = 0.5;
  return 0;
}

TEST(Busy, SecondThreadIsTurnedAwayAndDisturbsNothing) {
  Trainee trainee({{"w", LARS_F32, {2}}});
  Gate gate;
  const ScheduleHandle schedule = make_schedule(lars_schedule_callback, wait_at_gate, &gate);
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  std::int32_t status = LARS_ERR_INTERNAL;
  std::thread stepper([&] { status = trainee.step(); });
  gate.entered.wait();
  expect_all_busy(trainee.get());
  gate.may_leave.count_down();
  stepper.join();
  EXPECT_EQ(status, LARS_OK);
  Trainee twin({{"w", LARS_F32, {2}}});
  twin.set(LARS_LEARNING_RATE, 0.5);
  ASSERT_EQ(twin.step(), LARS_OK);
  EXPECT_EQ(trainee.parameters, twin.parameters);
}

TEST(Busy, HandleContendedByManyThreadsTakesEachStepOnceOrNotAtAll) {
  Trainee trainee({{"w", LARS_F32, {5000}}});
  trainee.set(LARS_LEARNING_RATE, 0.1);
  std::atomic<std::uint64_t> taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const std::int32_t status = trainee.step();
        if (status == LARS_OK) ++taken;
        EXPECT_TRUE(status == LARS_OK || status == LARS_ERR_BUSY) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, taken);
}

TEST(Handles, AreFreeOfEachOther) {
  const ScheduleHandle schedule = make_schedule(lars_schedule_linear, 0.5, 0.1, 10, 0);  // shared by all
  std::vector<std::vector<Bytes>> results(8);
  std::vector<std::thread> threads;
  for (std::vector<Bytes>& result : results) {
    threads.emplace_back([&] {
      Trainee trainee(assorted_tensors(LARS_F32));
      EXPECT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
      for (int i = 0; i < 10; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
      result = trainee.parameters;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Bytes>& result : results) EXPECT_EQ(result, results[0]);
}

}  // namespace
}  // namespace lars_test
