// A host that uses oneTBB itself, and limits it.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

using tbb::global_control;

Trainee make_trainee() {
  Trainee trainee({{"a", LARS_F32, {300007}}, {"b", LARS_F32, {300007}}});
  trainee.set(LARS_LEARNING_RATE, 0.5);
  return trainee;
}

std::uint32_t threads_of(const Trainee& trainee) {
  std::uint32_t threads = 0;
  EXPECT_EQ(lars_threads(trainee.get(), &threads), LARS_OK);
  return threads;
}

std::int32_t run_in_order(void* /*user*/, std::uint32_t count, lars_task task, void* context) {
  for (std::uint32_t i = 0; i < count; ++i) task(context, i);
  return 0;
}

std::vector<Bytes> stepped_serially(int steps) {
  Trainee trainee = make_trainee();
  EXPECT_EQ(lars_set_threads(trainee.get(), 1), LARS_OK);
  for (int i = 0; i < steps; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
  return trainee.parameters;
}

TEST(TbbHost, LimitIsKept) {
  Trainee trainee = make_trainee();
  const global_control limit(global_control::max_allowed_parallelism, 1);
  EXPECT_EQ(threads_of(trainee), 1U);
  EXPECT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(trainee.parameters, stepped_serially(1));
}

TEST(TbbHost, LimitMayBeLiftedBetweenSteps) {
  Trainee trainee = make_trainee();
  const std::uint32_t unlimited = threads_of(trainee);
  {
    const global_control limit(global_control::max_allowed_parallelism, 1);
    ASSERT_EQ(trainee.step(), LARS_OK);
  }
  EXPECT_EQ(threads_of(trainee), unlimited);
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(trainee.parameters, stepped_serially(2));
}

/// The built-in threads take the place of a host's pool under the limit, and are needed when it is gone.
TEST(TbbHost, LimitMayBeLiftedAfterTheHostsPoolIsReplaced) {
  Trainee trainee = make_trainee();
  ASSERT_EQ(lars_set_parallel_for(trainee.get(), run_in_order, nullptr, 4), LARS_OK);
  ASSERT_EQ(trainee.step(), LARS_OK);
  {
    const global_control limit(global_control::max_allowed_parallelism, 1);
    ASSERT_EQ(lars_set_threads(trainee.get(), 0), LARS_OK);
    ASSERT_EQ(trainee.step(), LARS_OK);
  }
  ASSERT_EQ(trainee.step(), LARS_OK);
  EXPECT_EQ(trainee.parameters, stepped_serially(3));
}

}  // namespace
}  // namespace lars_test
