// The built-in threads: an arena of oneTBB, or none if the library is built without it.
#pragma once

#include <cstdint>
#include <memory>

#include "lars/lars.h"

namespace lars {

/// Which process this is. After fork, threads exist in the parent only. The process's number alone does not
/// tell: it is used again, and in another PID namespace a child may have its parent's.
class Process {
 public:
  static Process current();
  bool operator==(const Process&) const = default;

 private:
  std::uint64_t id_ = 0;  // 0: none. Below, the process's number; above, how often its ancestors have forked
};

class ThreadPool {
 public:
  ThreadPool();
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;

  /// Threads that can run at once in this process, the caller's among them. 1 without oneTBB, and in a
  /// process forked from one whose threads oneTBB had started.
  static std::uint32_t concurrency();

  /// Makes room for so many threads. They start when there is work, and sleep when there is none.
  void prepare(std::uint32_t threads);

  /// Calls task(context, i) for i below count, on at most as many threads as prepared, and waits for them.
  void run(std::uint32_t count, lars_task task, void* context);

 private:
  struct Arena;
  std::unique_ptr<Arena> arena_;
};

}  // namespace lars
