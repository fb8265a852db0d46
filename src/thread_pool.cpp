#include "thread_pool.h"

#ifndef _WIN32
#include <pthread.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <atomic>

#ifdef LARS_WITH_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#endif

namespace lars {

#ifndef _WIN32

namespace {

/// From the first process that asked to this one. Like threading_process below, process-wide, and of no
/// influence on results.
std::atomic<std::uint32_t> forks = 0;

std::uint64_t count_forks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  static_cast<void>(registered);  // without memory for it, the process's number must do
  return forks.load(std::memory_order_relaxed);
}

}  // namespace

#endif

Process Process::current() {
  Process process;
  process.id_ = static_cast<std::uint32_t>(getpid());
#ifndef _WIN32
  process.id_ |= count_forks() << 32;
#endif
  return process;
}

#ifdef LARS_WITH_TBB

namespace {

/// The process in which oneTBB was first used by this library, 0 before. In a child of that process oneTBB
/// believes in threads that were not copied, and its locks may have been copied while they were held: it must
/// not be touched there. No result depends on it.
std::atomic<Process> threading_process = Process();

bool may_use_threads() {
  const Process owner = threading_process.load(std::memory_order_relaxed);
  return owner == Process() || owner == Process::current();
}

}  // namespace

struct ThreadPool::Arena {
  explicit Arena(std::uint32_t most) : threads(most), arena(static_cast<int>(most)) {}
  std::uint32_t threads;
  tbb::task_arena arena;
};

ThreadPool::ThreadPool() = default;

ThreadPool::~ThreadPool() {
  // A forked child must not touch the arena, and leaves its copy to the end of the process.
  if (!may_use_threads()) static_cast<void>(arena_.release());
}

std::uint32_t ThreadPool::concurrency() {
  if (!may_use_threads()) return 1;
  // A host that uses oneTBB itself may have limited it; asking for more would print a warning.
  const auto allowed = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  const auto processors = static_cast<std::size_t>(tbb::info::default_concurrency());
  return static_cast<std::uint32_t>(std::min(allowed, processors));
}

void ThreadPool::prepare(std::uint32_t threads) {
  Process none;
  threading_process.compare_exchange_strong(none, Process::current(), std::memory_order_relaxed);
  if (arena_ != nullptr && arena_->threads >= threads) return;
  arena_ = std::make_unique<Arena>(threads);
  arena_->arena.initialize();
}

void ThreadPool::run(std::uint32_t count, lars_task task, void* context) {
  arena_->arena.execute([=] {
    // The static partitioner sends index i to thread i, pass after pass, if that is awake.
    tbb::parallel_for(
        std::uint32_t{0}, count, [=](std::uint32_t index) { task(context, index); },
        tbb::static_partitioner());
  });
}

#else

struct ThreadPool::Arena {};
ThreadPool::ThreadPool() = default;
ThreadPool::~ThreadPool() = default;
std::uint32_t ThreadPool::concurrency() { return 1; }
void ThreadPool::prepare(std::uint32_t /*threads*/) {}
void ThreadPool::run(std::uint32_t count, lars_task task, void* context) {
  for (std::uint32_t index = 0; index < count; ++index) task(context, index);
}

#endif

}  // namespace lars
