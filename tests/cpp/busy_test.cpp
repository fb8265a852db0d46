// One call at a time on an object, whoever makes the other: another thread, or a function that the call
// calls.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <lars/lars.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lars_test {
namespace {

constexpr const char* kBusyMessage =
    "another call on this handle is running; one handle serves one call at a time";

using Optimizer = lars::nothrow::Optimizer;
using Schedule = lars::nothrow::Schedule;

/// w = w - g.
Optimizer make_plain() {
  Optimizer optimizer;
  EXPECT_TRUE(optimizer.add_parameter("w", lars::Type::f32, {3}));
  EXPECT_TRUE(optimizer.set(lars::Key::learning_rate, 1.0));
  EXPECT_TRUE(optimizer.set(lars::Key::momentum, 0.0));
  EXPECT_TRUE(optimizer.set(lars::Key::trust_ratio_mask, 0));
  return optimizer;
}

/// Every kind of call, with tensors that the call which runs must not touch.
void expect_busy(Optimizer& optimizer) {
  const auto expect = [](const auto& result) {
    EXPECT_EQ(result.status, lars::Status::busy);
    EXPECT_EQ(result.message, kBusyMessage);
  };
  std::vector<float> other = {5, 5, 5};
  expect(optimizer.step({other}, {other}));
  expect(optimizer.step({}, {}));
  expect(optimizer.update({other}, {other}, {other}));
  expect(optimizer.accumulate({other}));
  expect(optimizer.step_parameter(9, other, other));
  expect(optimizer.set(lars::Key::eps, Schedule::callback([](std::uint64_t) { return 1.0; })));
  expect(optimizer.set_observer({}));
  expect(optimizer.set_parallel_for({}));
  expect(optimizer.telemetry(lars::Telemetry::trust_ratio));
  expect(optimizer.step_count());
  expect(optimizer.save());
  EXPECT_EQ(other, (std::vector<float>{5, 5, 5}));
}

/// From the thread that is in the call, and from another.
void expect_busy_on_every_thread(Optimizer& optimizer) {
  expect_busy(optimizer);
  std::thread([&optimizer] { expect_busy(optimizer); }).join();
}

TEST(Busy, WithinTheFunctionsThatACallCalls) {
  Optimizer optimizer = make_plain();
  int calls = 0;
  EXPECT_TRUE(optimizer.set(lars::Key::learning_rate, Schedule::callback([&](std::uint64_t) {
                              ++calls;
                              expect_busy_on_every_thread(optimizer);
                              return 1.0;
                            })));
  EXPECT_TRUE(optimizer.set_observer([&](const lars::StepReport&) {
    ++calls;
    expect_busy_on_every_thread(optimizer);
  }));
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  EXPECT_TRUE(optimizer.step({w}, {g}));
  EXPECT_EQ(w, (std::vector<float>{0, 1, 2})) << "the step took another call's tensors";
  EXPECT_EQ(calls, 2);
  const auto predicate = [&](const lars::Parameter&) {
    ++calls;
    expect_busy_on_every_thread(optimizer);
    return true;
  };
  EXPECT_TRUE(optimizer.set_if(predicate, lars::Key::weight_decay, 0.0));
  EXPECT_EQ(calls, 3);
}

TEST(Busy, CallsKeepNoFunctionsOfSchedules) {
  Optimizer optimizer = make_plain();
  const auto token = std::make_shared<int>(0);
  const auto predicate = [&](const lars::Parameter&) {
    const auto schedule = Schedule::callback([token](std::uint64_t) { return 0.0; });
    EXPECT_EQ(optimizer.set(lars::Key::eps, schedule).status, lars::Status::busy);
    return true;
  };
  EXPECT_TRUE(optimizer.set_if(predicate, lars::Key::weight_decay, 0.0));
  EXPECT_EQ(token.use_count(), 1) << "a schedule that was refused is kept";
}

TEST(Busy, CallsThatFailOrThrowLetTheNextOneIn) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  std::vector<float> w(2);
  EXPECT_THROW(optimizer.step({w}, {w}), lars::Error);
  EXPECT_THROW(optimizer.set(lars::Key::momentum, 2.0), lars::Error);
  const auto predicate = [](const lars::Parameter&) -> bool { throw 1; };
  EXPECT_THROW(optimizer.set_if(predicate, lars::Key::eps, 0.5), lars::Error);
  EXPECT_EQ(optimizer.step_count(), 0U);
}

TEST(Busy, AnObjectThatIsMovedIsInNoCall) {
  Optimizer optimizer = make_plain();
  Optimizer moved = std::move(optimizer);
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  EXPECT_TRUE(moved.step({w}, {g}));
  optimizer = std::move(moved);
  EXPECT_TRUE(optimizer.step({w}, {g}));
}

/// Two threads that share an object: what each is told of its own steps is true of its own tensors.
TEST(Busy, ThreadsTakeTheirOwnSteps) {
  Optimizer optimizer = make_plain();
  EXPECT_FALSE(optimizer.set(lars::Key::momentum, 2.0));  // leaves words that no busy call may tell
  constexpr std::size_t kSteps = 100000;
  constexpr int kSchedules = 16;
  std::array<std::vector<float>, 2> tensors = {std::vector<float>(3), std::vector<float>(3)};
  std::array<std::string, 2> wrong;
  std::atomic<int> there{0};
  const auto use = [&](std::size_t thread) {
    const std::vector<float> g = {-1, -1, -1};
    std::vector<Schedule> schedules;
    for (int i = 0; i < kSchedules; ++i)
      schedules.push_back(Schedule::callback([](std::uint64_t) { return 0.0; }));
    for (++there; there < 2;) std::this_thread::yield();
    for (std::size_t taken = 0; taken < kSteps;) {
      const lars::Result<bool> step = optimizer.step({tensors[thread]}, {g});
      const lars::Result<void> kept = optimizer.set(lars::Key::eps, schedules[taken % kSchedules]);
      if (step) ++taken;
      if (!step && step.message != kBusyMessage) wrong[thread] = step.message;
      if (!kept && kept.message != kBusyMessage) wrong[thread] = kept.message;
      if (!wrong[thread].empty()) break;
    }
  };
  std::thread other([&] { use(1); });
  use(0);
  other.join();
  for (std::size_t thread = 0; thread < 2; ++thread) {
    EXPECT_EQ(tensors[thread], std::vector<float>(3, static_cast<float>(kSteps)));
    EXPECT_EQ(wrong[thread], "");
  }
}

}  // namespace
}  // namespace lars_test
