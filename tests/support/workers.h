// A host's pool whose threads are older than its floating-point environment.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "lars/lars.h"
#include "support/floating_point.h"

namespace lars_test {

/// Task i runs on thread i, none on the caller's. The threads keep the environment that they were made in,
/// which no task may change.
class Workers {
 public:
  explicit Workers(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) threads_.emplace_back([this, i] { serve(i); });
  }
  ~Workers() {
    start(0, nullptr, nullptr);  // no task: the end
    for (std::thread& thread : threads_) thread.join();
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(Workers&&) = delete;

  /// A lars_parallel_for; count must not exceed the number of threads.
  static std::int32_t run(void* user, std::uint32_t count, lars_task task, void* context) {
    auto& self = *static_cast<Workers*>(user);
    EXPECT_LE(count, self.threads_.size());
    self.start(count, task, context);
    std::unique_lock lock(self.mutex_);
    self.changed_.wait(lock, [&] { return self.working_ == 0; });
    return 0;
  }

 private:
  void start(std::uint32_t count, lars_task task, void* context) {
    const std::scoped_lock lock(mutex_);
    count_ = count;
    task_ = task;
    context_ = context;
    working_ = static_cast<std::uint32_t>(threads_.size());
    ++job_;
    changed_.notify_all();
  }

  void serve(std::uint32_t index) {
    const std::uint64_t words = control_words();
    std::unique_lock lock(mutex_);
    for (std::uint64_t done = 0;;) {
      changed_.wait(lock, [&] { return job_ != done; });
      done = job_;
      if (task_ == nullptr) return;
      if (index < count_) {
        lock.unlock();
        task_(context_, index);
        EXPECT_EQ(control_words(), words) << "a task changed the floating-point environment of its thread";
        lock.lock();
      }
      --working_;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t job_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t working_ = 0;
  lars_task task_ = nullptr;
  void* context_ = nullptr;
  std::vector<std::thread> threads_;
};

}  // namespace lars_test
