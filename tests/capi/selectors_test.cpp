// lars_set by glob and lars_set_if by predicate.
#include <gtest/gtest.h>

#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

double momentum(const Trainee& trainee, std::uint32_t index) {
  double value = -1;
  EXPECT_EQ(lars_get(trainee.get(), index, LARS_MOMENTUM, &value), LARS_OK);
  return value;
}

std::vector<TensorSpec> layers() {
  return {{"conv.weight", LARS_F32, {2, 3}}, {"conv.bias", LARS_F32, {2}}, {"fc.weight", LARS_F64, {4, 4}}};
}

TEST(Selectors, NullMeansAllAlsoThoseAddedLater) {
  Trainee trainee(layers());
  trainee.set(LARS_MOMENTUM, 0.25);
  ASSERT_EQ(lars_add_parameter(trainee.get(), "late", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(momentum(trainee, i), 0.25);
}

TEST(Selectors, GlobMeansThoseAddedSoFar) {
  Trainee trainee(layers());
  trainee.set(LARS_MOMENTUM, 0.25, "*");
  ASSERT_EQ(lars_add_parameter(trainee.get(), "late", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(momentum(trainee, i), 0.25);
  EXPECT_EQ(momentum(trainee, 3), 0.9);
}

TEST(Selectors, LaterCallsOverrideEarlierOnes) {
  Trainee trainee(layers());
  trainee.set(LARS_MOMENTUM, 0.1, "*.weight");
  trainee.set(LARS_MOMENTUM, 0.2, "fc.*");
  EXPECT_EQ(momentum(trainee, 0), 0.1);
  EXPECT_EQ(momentum(trainee, 1), 0.9);
  EXPECT_EQ(momentum(trainee, 2), 0.2);
  trainee.set(LARS_MOMENTUM, 0.3);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(momentum(trainee, i), 0.3);
}

std::int32_t is_vector(void* user, std::uint32_t /*index*/, const char* /*name*/, std::int32_t /*dtype*/,
                       std::uint32_t ndim, const std::int64_t* /*shape*/) {
  ++*static_cast<int*>(user);
  return ndim <= 1 ? 1 : 0;
}

TEST(Selectors, PredicateSeesEveryParameter) {
  Trainee trainee(layers());
  int calls = 0;
  ASSERT_EQ(lars_set_if(trainee.get(), is_vector, &calls, LARS_MOMENTUM, 0.5), LARS_OK);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(momentum(trainee, 0), 0.9);
  EXPECT_EQ(momentum(trainee, 1), 0.5);
  EXPECT_EQ(momentum(trainee, 2), 0.9);
  const ScheduleHandle schedule = make_schedule(lars_schedule_constant, 0.75);
  ASSERT_EQ(lars_set_schedule_if(trainee.get(), is_vector, &calls, LARS_MOMENTUM, schedule.get()), LARS_OK);
  EXPECT_EQ(momentum(trainee, 1), 0.75);
  EXPECT_EQ(momentum(trainee, 2), 0.9);
}

std::int32_t check_facts(void* user, std::uint32_t index, const char* name, std::int32_t dtype,
                         std::uint32_t ndim, const std::int64_t* shape) {
  const TensorSpec& spec = (*static_cast<const std::vector<TensorSpec>*>(user))[index];
  EXPECT_EQ(spec.name, name);
  EXPECT_EQ(spec.dtype, dtype);
  EXPECT_EQ(spec.shape, std::vector<std::int64_t>(shape, shape + ndim));
  return 1;
}

TEST(Selectors, PredicateIsToldNameTypeAndShape) {
  Trainee trainee(layers());
  std::vector<TensorSpec> specs = layers();
  EXPECT_EQ(lars_set_if(trainee.get(), check_facts, &specs, LARS_EPS, 1e-8), LARS_OK);
}

}  // namespace
}  // namespace lars_test
