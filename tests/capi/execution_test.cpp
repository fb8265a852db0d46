// What steps run on: threads, a host's pool, the environment. That none of it changes a bit is tested in
// bits_test.cpp.
#include "capi/execution.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

#ifdef _WIN32
void set_variable(const char* name, const char* value) { _putenv_s(name, value); }
#else
void set_variable(const char* name, const char* value) { setenv(name, value, 1); }
#endif

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

/// Sums that lie outside binary64 are formed a second time, which is before the first write, too.
TEST(HostPool, FailingInTheSecondLookAtLargeElementsChangesNothing) {
  Trainee trainee({{"w", LARS_F64, {300000}}});
  trainee.set(LARS_LEARNING_RATE, 0.1);
  for (std::size_t i = 0; i < 300000; ++i) set_element(trainee.specs()[0], trainee.gradients[0], i, 1e-170);
  Pool pool = {.fail_at = 1};
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), Pool::run, &pool, 2), LARS_OK);
  const std::vector<Bytes> before = trainee.parameters;
  EXPECT_EQ(trainee.step(), LARS_ERR_CALLBACK);
  EXPECT_EQ(trainee.parameters, before);
  EXPECT_EQ(trainee.step(), LARS_OK);
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
    set_variable("LARS_KERNELS", "");
    set_variable("LARS_NUM_THREADS", "");
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
  set_variable("LARS_KERNELS", "reference");
  set_variable("LARS_NUM_THREADS", "1");
  const Trainee trainee = make_trainee();
  EXPECT_STREQ(lars_kernels(trainee.get()), "reference");
  EXPECT_EQ(threads_of(trainee), 1U);
  set_variable("LARS_KERNELS", "");  // as if it were not set
  set_variable("LARS_NUM_THREADS", "");
  Trainee other = make_trainee();
  EXPECT_TRUE(std::string(lars_kernels(other.get())).starts_with("simd/"));
  EXPECT_EQ(other.step(), LARS_OK);
}

TEST_F(Environment, WrongKernelsAreReportedByTheFirstStep) {
  set_variable("LARS_KERNELS", "avx1024");
  expect_first_step(LARS_ERR_ARGUMENT, "environment variable LARS_KERNELS: kernels: \"avx1024\" is unknown");
}

TEST_F(Environment, WrongThreadsAreReportedByTheFirstStep) {
  for (const char* wrong : {"two", "-1", "1025", "2 ", " 2", "1.5", "99999999999999999999"}) {
    set_variable("LARS_NUM_THREADS", wrong);
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

}  // namespace
}  // namespace lars_test
