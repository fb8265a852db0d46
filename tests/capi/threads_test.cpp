// One call at a time on a handle; handles independent of each other.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// A call of a callback on its own handle: that every function is turned away is in the table of bad input.
void expect_busy(lars_optimizer* optimizer) {
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(optimizer, &steps), LARS_ERR_BUSY);
  EXPECT_EQ(lars_set(optimizer, nullptr, LARS_MOMENTUM, 0.5), LARS_ERR_BUSY);
  EXPECT_EQ(lars_destroy(optimizer), LARS_ERR_BUSY);
  EXPECT_NE(std::string(lars_error_message(optimizer)).find("another call on this handle is running"),
            std::string::npos);
  EXPECT_TRUE(std::string(lars_kernels(optimizer)).starts_with("simd/"));
}

std::int32_t reenter_from_predicate(void* user, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                                    const std::int64_t*) {
  expect_busy(static_cast<lars_optimizer*>(user));
  return 1;
}

std::int32_t reenter_from_schedule(void* user, std::uint64_t, double* value) {
  expect_busy(static_cast<lars_optimizer*>(user));
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

struct Gate {  // not of std::latch, whose waiting loses wake-ups on Windows (gcc 12)
  std::promise<void> entered;
  std::promise<void> may_leave;
};

std::int32_t wait_at_gate(void* user, std::uint64_t, double* value) {
  auto* gate = static_cast<Gate*>(user);
  gate->entered.set_value();
  gate->may_leave.get_future().wait();
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
  gate.entered.get_future().wait();
  expect_busy(trainee.get());
  gate.may_leave.set_value();
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
