// What saving and loading cost: no more than the state asks for, whatever a file says.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "support/allocations.h"
#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

/// Scalars, each with a learning rate and a weight decay schedule of its own.
Trainee with_sets(std::size_t count) {
  std::vector<TensorSpec> specs;
  for (std::size_t i = 0; i < count; ++i) specs.push_back({std::to_string(i), LARS_F32, {}});
  Trainee trainee(specs);
  for (std::size_t i = 0; i < count; ++i) {
    trainee.set(LARS_LEARNING_RATE, 1.0 / static_cast<double>(i + 1), specs[i].name.c_str());
    const ScheduleHandle schedule = make_schedule(lars_schedule_constant, 0.5);
    expect_ok(lars_set_schedule(trainee.get(), specs[i].name.c_str(), LARS_WEIGHT_DECAY, schedule.get()),
              trainee);
  }
  return trainee;
}

/// The metadata are most of it. That a file's header is written twice, once for its size, shows.
TEST_F(Checkpoints, SavingPutsTheMetadataTogetherOnce) {
  if (!library_allocations_are_counted()) GTEST_SKIP() << "the library has another operator new";
  const Trainee trainee = with_sets(500);
  std::uint64_t bytes = 0;
  expect_ok(lars_save_size(trainee.get(), &bytes), trainee);
  std::uint64_t before = allocation_count();
  expect_ok(lars_save_size(trainee.get(), &bytes), trainee);
  const std::uint64_t of_the_size = allocation_count() - before;
  before = allocation_count();
  expect_ok(lars_save(trainee.get(), path().c_str()), trainee);
  const std::uint64_t of_the_file = allocation_count() - before;
  EXPECT_LT(2 * of_the_file, 3 * of_the_size);
}

/// A value takes many times the memory of its text, so that one of 100 MB could take gigabytes.
TEST_F(Checkpoints, HeadersOfManyValuesAreRefusedBeforeTheyTakeMemory) {
  const Trainee trainee({{"w", LARS_F32, {3}}});
  std::string zeros = "[0";
  while (zeros.size() < (std::size_t{16} << 20)) zeros += ",0";
  for (const std::string& begin :
       {std::string(), std::string(R"({"t":)"), std::string(R"({"__metadata__":)")}) {
    const std::string file = safetensors_file(begin + zeros);
    const std::uint64_t before = allocated_bytes();
    EXPECT_EQ(load(trainee, file), LARS_ERR_FORMAT);
    const std::uint64_t taken = allocated_bytes() - before;
    if (library_allocations_are_counted()) {
      EXPECT_LT(taken / file.size(), 32U);
    }
    EXPECT_NE(message(trainee).find("the header has more than 1049600 values"), std::string::npos)
        << message(trainee);
  }
}

std::int32_t set_points(const Trainee& trainee, std::size_t count) {
  std::vector<std::uint64_t> boundaries(count);
  std::iota(boundaries.begin(), boundaries.end(), std::uint64_t{1});
  const std::vector<double> scales(count, 1.0);
  const ScheduleHandle schedule =
      make_schedule(lars_schedule_piecewise_constant, 0.5, static_cast<std::uint32_t>(count),
                    boundaries.data(), scales.data());
  return lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get());
}

/// What could not be loaded is not saved either.
TEST_F(Checkpoints, SchedulesOfManyPointsAreSavedIfTheyCanBeLoaded) {
  const Trainee trainee({{"w", LARS_F32, {3}}});
  expect_ok(set_points(trainee, 520'000), trainee);
  const std::string checkpoint = saved(trainee);
  const Trainee other(trainee.specs());
  expect_ok(load(other, checkpoint), other);
  EXPECT_EQ(saved(other), checkpoint);
  expect_ok(set_points(trainee, 530'000), trainee);
  EXPECT_EQ(lars_save(trainee.get(), path().c_str()), LARS_ERR_STATE);
  EXPECT_EQ(message(trainee),
            "the schedules of this checkpoint would have 1060006 values; at most 1049600 are read");
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace lars_test
