// What steps run on: threads, a host's pool, the environment, forked processes; and what they cost in memory
// and idle time. That none of it changes a bit is tested in bits_test.cpp.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cfenv>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/allocations.h"
#include "support/trainee.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define LARS_UNDER_SANITIZER 1
#endif

namespace lars_test {
namespace {

/// Enough for eight threads.
const std::vector<TensorSpec> kLarge = {
    {"a", LARS_F32, {300007}}, {"b", LARS_F32, {5}}, {"c", LARS_F32, {300007}}};

Trainee make_trainee(const std::vector<TensorSpec>& specs = kLarge) {
  Trainee trainee(specs);
  trainee.set(LARS_LEARNING_RATE, 0.5);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  return trainee;
}

/// The parameters after a few steps on the caller's thread alone.
std::vector<Bytes> stepped_serially(int steps) {
  Trainee trainee = make_trainee();
  EXPECT_EQ(lars_set_threads(trainee.get(), 1), LARS_OK);
  for (int i = 0; i < steps; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
  return trainee.parameters;
}

std::uint32_t threads_of(const Trainee& trainee) {
  std::uint32_t threads = 0;
  EXPECT_EQ(lars_threads(trainee.get(), &threads), LARS_OK);
  return threads;
}

// ---- Number of threads ----------------------------------------------------------------------------------

TEST(Threads, DependOnTheWorkAndOnWhatIsAllowed) {
  const Trainee small = make_trainee({{"w", LARS_F32, {10000}}});
  EXPECT_EQ(threads_of(small), 1U);
  const Trainee large = make_trainee();
  const std::uint32_t most = threads_of(large);
  EXPECT_GE(most, 1U);
  EXPECT_LE(most, std::max(std::thread::hardware_concurrency(), 1U));
  for (const std::uint32_t threads : {1U, 2U, 1024U}) {
    EXPECT_EQ(lars_set_threads(large.get(), threads), LARS_OK);
    EXPECT_EQ(threads_of(large), std::min(threads, most));
  }
  EXPECT_EQ(lars_set_threads(large.get(), 0), LARS_OK);
  EXPECT_EQ(threads_of(large), most);
}

// ---- A host's pool --------------------------------------------------------------------------------------

struct Pool {
  std::uint32_t fail_at = UINT32_MAX;  // the call that fails
  bool throws = false;
  std::thread::id caller = std::this_thread::get_id();
  std::vector<std::uint32_t> counts = {};  // of each call

  static std::int32_t run(void* user, std::uint32_t count, lars_task task, void* context) {
    auto& self = *static_cast<Pool*>(user);
    EXPECT_EQ(std::this_thread::get_id(), self.caller);
    self.counts.push_back(count);
    if (self.counts.size() - 1 == self.fail_at) {
      if (self.throws) throw std::runtime_error("pool");
      return -1;
    }
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < count; ++i) threads.emplace_back(task, context, i);
    for (std::thread& thread : threads) thread.join();
    return 0;
  }
};

TEST(HostPool, RunsTheTwoPassesOfAStep) {
  Trainee trainee = make_trainee();
  Pool pool;
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 3), LARS_OK);
  EXPECT_EQ(threads_of(trainee), 3U);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(pool.counts, (std::vector<std::uint32_t>{3, 3}));
  // A small step does not leave the caller's thread.
  ASSERT_EQ(lars_step_parameter(trainee.get(), 1, trainee.parameters[1].data(), trainee.gradients[1].data()),
            LARS_OK);
  EXPECT_EQ(pool.counts.size(), 2U);
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), nullptr, nullptr, 0), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(pool.counts.size(), 2U);
}

/// A refused first step has seen a small model; the one that is taken has more to do.
TEST(HostPool, ServesParametersAddedAfterARefusedStep) {
  Trainee trainee({{"small", LARS_F32, {10}}});
  Pool pool;
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 2), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_ERR_STATE);  // no learning rate
  const std::int64_t count = 300000;
  ASSERT_EQ(lars_add_parameter(trainee.get(), "large", LARS_F32, 1, &count, nullptr), LARS_OK);
  trainee.set(LARS_LEARNING_RATE, 0.1);
  std::vector<float> w(300010, 1.0F);
  const std::vector<float> g(300010, 1.0F);
  ASSERT_EQ(lars_step_flat(trainee.get(), w.data(), g.data()), LARS_OK);
  EXPECT_EQ(pool.counts, (std::vector<std::uint32_t>{2, 2}));
}

TEST(HostPool, FailingBeforeTheFirstWriteChangesNothing) {
  for (const bool throws : {false, true}) {
    for (const std::int32_t policy : {LARS_NONFINITE_REFUSE, LARS_NONFINITE_PROPAGATE}) {
      Trainee trainee = make_trainee();
      ASSERT_EQ(lars_set_nonfinite_policy(trainee.get(), policy), LARS_OK);
      Pool pool = {.fail_at = 0, .throws = throws};
      ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 2), LARS_OK);
      const std::vector<Bytes> before = trainee.parameters;
      EXPECT_EQ(trainee.step(), LARS_ERR_CALLBACK);
      EXPECT_NE(std::string(lars_error_message(trainee.get())).find("nothing was written"),
                std::string::npos);
      EXPECT_EQ(trainee.parameters, before);
      ASSERT_EQ(trainee.step(), LARS_OK);  // it fails once
      EXPECT_EQ(trainee.parameters, stepped_serially(1));
    }
  }
}

TEST(HostPool, FailingLaterIsMadeGood) {
  for (const bool throws : {false, true}) {
    Trainee trainee = make_trainee();
    Pool pool = {.fail_at = 1, .throws = throws};
    ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 2), LARS_OK);
    EXPECT_EQ(trainee.step(), LARS_OK);
    EXPECT_EQ(trainee.parameters, stepped_serially(1));
    Pool accumulating = {.fail_at = 0, .throws = throws};
    ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &accumulating, 2), LARS_OK);
    EXPECT_EQ(trainee.accumulate(), LARS_OK);
    EXPECT_EQ(trainee.step_accumulated(), LARS_OK);
    EXPECT_EQ(trainee.parameters, stepped_serially(2));
  }
}

std::int32_t reenter(void* user, std::uint32_t count, lars_task task, void* context) {
  auto* trainee = static_cast<Trainee*>(user);
  EXPECT_EQ(trainee->step(), LARS_ERR_BUSY);
  EXPECT_EQ(lars_set_parallel_for(trainee->get(), nullptr, nullptr, 0), LARS_ERR_BUSY);
  for (std::uint32_t i = 0; i < count; ++i) task(context, i);
  return 0;
}

TEST(HostPool, CannotReenterTheHandle) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), reenter, &trainee, 2), LARS_OK);
  EXPECT_EQ(trainee.step(), LARS_OK);
}

// ---- Environment ----------------------------------------------------------------------------------------

class Environment : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("LARS_KERNELS");
    unsetenv("LARS_NUM_THREADS");
  }

  static void expect_first_step(std::int32_t status, const std::string& text) {
    Trainee trainee = make_trainee();
    const std::vector<Bytes> before = trainee.parameters;
    EXPECT_EQ(trainee.step(), status);
    EXPECT_NE(std::string(lars_error_message(trainee.get())).find(text), std::string::npos)
        << lars_error_message(trainee.get());
    EXPECT_EQ(trainee.parameters, before);
    // The setters take its place.
    EXPECT_EQ(lars_set_kernels(trainee.get(), "auto"), LARS_OK);
    EXPECT_EQ(lars_set_threads(trainee.get(), 1), LARS_OK);
    EXPECT_EQ(trainee.step(), LARS_OK);
  }
};

TEST_F(Environment, ChoosesKernelsAndThreads) {
  setenv("LARS_KERNELS", "reference", 1);
  setenv("LARS_NUM_THREADS", "1", 1);
  const Trainee trainee = make_trainee();
  EXPECT_STREQ(lars_kernels(trainee.get()), "reference");
  EXPECT_EQ(threads_of(trainee), 1U);
  setenv("LARS_KERNELS", "", 1);  // as if it were not set
  setenv("LARS_NUM_THREADS", "", 1);
  Trainee other = make_trainee();
  EXPECT_TRUE(std::string(lars_kernels(other.get())).starts_with("simd/"));
  EXPECT_EQ(other.step(), LARS_OK);
}

TEST_F(Environment, WrongKernelsAreReportedByTheFirstStep) {
  setenv("LARS_KERNELS", "avx1024", 1);
  expect_first_step(LARS_ERR_ARGUMENT, "environment variable LARS_KERNELS: kernels: \"avx1024\" is unknown");
}

TEST_F(Environment, WrongThreadsAreReportedByTheFirstStep) {
  for (const char* wrong : {"two", "-1", "1025", "2 ", " 2", "1.5", "99999999999999999999"}) {
    setenv("LARS_NUM_THREADS", wrong, 1);
    expect_first_step(LARS_ERR_VALUE,
                      "environment variable LARS_NUM_THREADS: \"" + std::string(wrong) + "\"");
  }
}

// ---- Floating-point environment -------------------------------------------------------------------------

/// Threads take over the caller's rounding mode, so that a step on many equals one on the caller's thread.
TEST(RoundingMode, IsTheCallersOnEveryThread) {
  for (const int mode : {FE_UPWARD, FE_TOWARDZERO}) {
    std::vector<std::vector<Bytes>> results;
    for (const std::uint32_t threads : {1U, 4U}) {
      for (const lars_parallel_for run : {lars_parallel_for{nullptr}, lars_parallel_for{Pool::run}}) {
        Trainee trainee = make_trainee();
        Pool pool;
        ASSERT_EQ(lars_set_parallel_for(trainee.get(), run, &pool, threads), LARS_OK);
        std::fesetround(mode);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
        EXPECT_EQ(std::fegetround(), mode);
        std::fesetround(FE_TONEAREST);
        results.push_back(trainee.parameters);
      }
    }
    for (const std::vector<Bytes>& result : results) EXPECT_EQ(result, results[0]);
    EXPECT_NE(results[0], stepped_serially(2));
  }
}

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

/// Runs body in a forked child and expects it to return true, within a minute.
template <class Body>
void expect_in_child(const Body& body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
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
