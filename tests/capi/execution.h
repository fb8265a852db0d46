// What the tests of execution share: a model that is large enough for threads, and a host's pool.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/trainee.h"

namespace lars_test {

/// Enough for eight threads.
inline const std::vector<TensorSpec> kLarge = {
    {"a", LARS_F32, {300007}}, {"b", LARS_F32, {5}}, {"c", LARS_F32, {300007}}};

inline Trainee make_trainee(const std::vector<TensorSpec>& specs = kLarge) {
  Trainee trainee(specs);
  trainee.set(LARS_LEARNING_RATE, 0.5);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  return trainee;
}

/// The parameters after a few steps on the caller's thread alone.
inline std::vector<Bytes> stepped_serially(int steps) {
  Trainee trainee = make_trainee();
  EXPECT_EQ(lars_set_threads(trainee.get(), 1), LARS_OK);
  for (int i = 0; i < steps; ++i) EXPECT_EQ(trainee.step(), LARS_OK);
  return trainee.parameters;
}

inline std::uint32_t threads_of(const Trainee& trainee) {
  std::uint32_t threads = 0;
  EXPECT_EQ(lars_threads(trainee.get(), &threads), LARS_OK);
  return threads;
}

/// A pool of the host's: a thread for every task.
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

}  // namespace lars_test
