// Every function of lars.h that returns a status, called on an optimizer that has all it needs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {

/// Where the calls save to and load from.
const std::string& checkpoint_file();

/// A host's pool of one thread.
std::int32_t run_one_by_one(void* user, std::uint32_t count, lars_task task, void* context);

/// A handle with parameters of all types, and what calls need, so that they themselves allocate nothing in
/// the test.
struct World {
  Trainee trainee;
  std::vector<void*> w = trainee.parameter_pointers();
  std::vector<const void*> g = trainee.gradient_pointers();
  std::vector<Bytes> update_memory = std::vector<Bytes>(3, Bytes(400 * 8));
  std::vector<void*> updates;
  std::vector<Bytes> state_memory = std::vector<Bytes>(8, Bytes(400 * 8));
  std::vector<void*> momentum;  // of the caller's own
  std::vector<void*> masters;
  std::vector<std::byte> flat = std::vector<std::byte>(2000);
  ScheduleHandle schedule = make_schedule(lars_schedule_linear, 0.5, 0.1, std::uint64_t{9}, std::uint64_t{0});
  std::string checkpoint;
  std::string buffer;
  std::uint32_t number = 0;
  std::uint64_t count = 0;
  double values[8] = {};

  explicit World(int steps, std::int64_t width = 30) : trainee(specs(width)) {
    for (Bytes& memory : update_memory) updates.push_back(memory.data());
    for (std::size_t i = 0; i < state_memory.size(); ++i)
      (i < 4 ? momentum : masters).push_back(state_memory[i].data());
    trainee.set(LARS_LEARNING_RATE, 0.3);
    trainee.set(LARS_WEIGHT_DECAY, 0.01);
    EXPECT_EQ(lars_set_parallel_for(get(), run_one_by_one, nullptr, 2), LARS_OK);
    for (int i = 0; i < steps; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
  }
  [[nodiscard]] lars_optimizer* get() const { return trainee.get(); }

  static std::vector<TensorSpec> specs(std::int64_t width) {
    return {{"w", LARS_F32, {width, 10}}, {"h", LARS_F16, {9}}, {"d", LARS_F64, {5}}, {"b", LARS_BF16, {7}}};
  }
};

struct Call {
  const char* name;  // the function's, and what is special
  std::function<std::int32_t(World&)> call;
  std::int32_t status = LARS_OK;
  std::function<void(World&)> first = [](World&) {};
};

void PrintTo(const Call& call, std::ostream* out);

std::vector<Call> stepping_calls();
std::vector<Call> all_calls();

}  // namespace lars_test
