// What execution costs the process in memory and idle time, and what forked processes may do. That no thread
// changes a bit is tested in bits_test.cpp.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "capi/execution.h"
#include "support/allocations.h"
#include "support/trainee.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define LARS_UNDER_SANITIZER 1
#endif

namespace lars_test {
namespace {

// ---- Memory and time ------------------------------------------------------------------------------------

TEST(Memory, IsNotAllocatedAfterTheFirstStep) {
  for (const std::uint32_t threads : {1U, 0U}) {
    for (const std::int32_t policy : {LARS_NONFINITE_REFUSE, LARS_NONFINITE_SKIP, LARS_NONFINITE_PROPAGATE}) {
      Trainee trainee = make_trainee();
      const ScheduleHandle schedule =
          make_schedule(lars_schedule_cosine_decay, 0.5, std::uint64_t{100}, 0.0, 1.0);
      ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
      ASSERT_EQ(lars_set_threads(trainee.get(), threads), LARS_OK);
      ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), policy), LARS_OK);
      const std::vector<void*> w = trainee.parameter_pointers();
      const std::vector<const void*> g = trainee.gradient_pointers();
      std::int32_t status = lars_step(trainee.get(), w.data(), g.data());
      status |= lars_accumulate(trainee.get(), w.data(), g.data());
      status |= lars_step_accumulated(trainee.get(), w.data());
      const std::uint64_t before = allocation_count();
      const auto heap_before = mallinfo2();
      for (int i = 0; i < 20; ++i) {
        status |= lars_step(trainee.get(), w.data(), g.data());
        status |= lars_accumulate(trainee.get(), w.data(), g.data());
        status |= lars_step_accumulated(trainee.get(), w.data());
        status |= lars_step_parameter(trainee.get(), 0, w[0], g[0]);
      }
      const auto heap_after = mallinfo2();
      EXPECT_EQ(allocation_count(), before);
      // The built-in threads may take some memory of their own when they first start.
      if (threads == 1) {
        EXPECT_EQ(heap_after.uordblks, heap_before.uordblks);
      }
      EXPECT_EQ(status, LARS_OK);
    }
  }
}

double cpu_seconds() {
  timespec used = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

/// Threads that spin while they wait would take the processor from the forward pass that follows a step.
TEST(IdleThreads, DoNotSpin) {
  Trainee trainee = make_trainee();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(trainee.step(), LARS_OK);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(cpu_seconds() - before, 0.1);
}

// ---- fork -----------------------------------------------------------------------------------------------

#ifndef LARS_UNDER_SANITIZER  // which have threads and locks of their own that fork does not bring along

/// Runs body in a forked child. Whether it returned true there, within a minute.
template <class Body>
bool in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

template <class Body>
void expect_in_child(const Body& body) {
  EXPECT_TRUE(in_child(body));
}

bool steps_as(Trainee& trainee, const std::vector<Bytes>& expected) {
  return trainee.step() == LARS_OK && trainee.parameters == expected;
}

TEST(Fork, ChildStepsSeriallyAndCorrectly) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(trainee.step(), LARS_OK);  // the parent's threads are running
  const std::vector<Bytes> second = stepped_serially(2);
  const std::vector<Bytes> first = stepped_serially(1);
  expect_in_child([&] {
    if (threads_of(trainee) != 1 || !steps_as(trainee, second)) return false;
    Trainee own = make_trainee();  // made, used and destroyed in the child
    return threads_of(own) == 1 && steps_as(own, first);
  });
  EXPECT_TRUE(steps_as(trainee, second));  // the parent goes on
}

TEST(Fork, NestedToo) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(trainee.step(), LARS_OK);
  const std::vector<Bytes> second = stepped_serially(2);
  const std::vector<Bytes> third = stepped_serially(3);
  expect_in_child([&] {
    if (!steps_as(trainee, second)) return false;
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(steps_as(trainee, third) ? 0 : 1);
    int status = 0;
    return waitpid(grandchild, &status, 0) == grandchild && status == 0;
  });
}

TEST(Fork, HostsPoolIsNotCalledInTheChild) {
  Trainee trainee = make_trainee();
  Pool pool;
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 2), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  const std::size_t calls = pool.counts.size();
  const std::vector<Bytes> second = stepped_serially(2);
  expect_in_child([&] { return steps_as(trainee, second) && pool.counts.size() == calls; });
}

/// The first process of a PID namespace, as in a container, and its child that is the first of another, have
/// the same number.
TEST(Fork, ChildOfTheSameProcessNumber) {
  if (!in_child([] { return unshare(CLONE_NEWPID) == 0; })) {
    GTEST_SKIP() << "no PID namespace may be made here; that takes root";
  }
  const std::vector<Bytes> second = stepped_serially(2);
  const auto first_of_another = [](const auto& body) {
    return unshare(CLONE_NEWPID) == 0 && in_child([&] { return getpid() == 1 && body(); });
  };
  EXPECT_TRUE(in_child([&] {
    return first_of_another([&] {
      Trainee trainee = make_trainee();
      return trainee.step() == LARS_OK &&
             first_of_another([&] { return threads_of(trainee) == 1 && steps_as(trainee, second); });
    });
  }));
}

/// A process that forks before it has threads may have them in the child.
TEST(Fork, BeforeTheFirstStepLeavesBothFree) {
  expect_in_child([] {  // a process without threads, forked from this one
    unsetenv("LARS_NUM_THREADS");
    Trainee own = make_trainee();
    return own.step() == LARS_OK;
  });
}

#endif

}  // namespace
}  // namespace lars_test
