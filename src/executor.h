// Who runs the units of a pass: the calling thread, the built-in threads, or the host's pool. No result
// depends on the answer: every chunk has a slot of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "floating_point.h"
#include "lars/lars.h"
#include "thread_pool.h"

namespace lars {

/// In which order each thread walks its share. A pass that goes backward after one that went forward finds in
/// cache what the first read last.
enum class Order : std::uint8_t { forward, backward };

/// Cuts the units of a pass in contiguous shares, one a task. Whoever runs task t begins with share t, so
/// that successive passes find a share's memory near the same thread, and then helps with the shares that are
/// left. Whatever a pool leaves undone, the calling thread does.
class Executor {
 public:
  /// Below so many elements for each, another thread costs more than it helps: waking it takes some
  /// microseconds, in which one thread steps about as many elements.
  static constexpr std::uint64_t kElementsPerThread = std::uint64_t{64} * 1024;

  Executor() = default;

  /// As lars_set_threads.
  void set_threads(std::uint32_t threads);
  /// As lars_set_parallel_for.
  void set_parallel_for(lars_parallel_for host_run, void* user, std::uint32_t threads);

  /// Threads that help with so many elements, the caller's among them.
  [[nodiscard]] std::uint32_t threads_for(std::uint64_t elements) const;

  /// Allocates what passes over at most so many elements need. Cheap when nothing has changed since.
  void prepare(std::uint64_t elements);

  /// Calls body(i) once for every i below `units`, which hold so many elements; body must not throw. False if
  /// a host's pool failed; the pass is complete in any case.
  template <class Body>
  bool for_each(std::size_t units, std::uint64_t elements, Order order, const Body& body) {
    const std::uint32_t tasks = units < 2 ? 1 : tasks_for(units, elements);
    if (tasks < 2) {
      for (std::size_t i = 0; i < units; ++i) body(order == Order::forward ? i : units - 1 - i);
      return true;
    }
    job_.units = units;
    job_.order = order;
    job_.body = &body;
    job_.run_unit = [](const void* typed, std::size_t unit) { (*static_cast<const Body*>(typed))(unit); };
    return run(tasks);
  }

 private:
  struct alignas(64) Share {  // a cache line each, so that claims do not disturb each other
    std::atomic<std::uint64_t> claimed = 0;
    std::uint64_t size = 0;
    std::uint64_t first = 0;
  };

  struct Job {
    std::size_t units = 0;
    Order order = Order::forward;
    const void* body = nullptr;
    void (*run_unit)(const void* body, std::size_t unit) = nullptr;
    std::uint32_t tasks = 0;
    FloatingPoint environment;  // the caller's rounding mode and handling of subnormal numbers
    std::atomic<std::uint64_t> unfinished = 0;
    // A pass orders its memory accesses itself, whatever a host's pool promises: a task joins before it looks
    // at anything, and the caller waits for those that joined.
    std::atomic<bool> open = false;
    std::atomic<std::uint32_t> joined = 0;
  };

  [[nodiscard]] std::uint32_t tasks_for(std::size_t units, std::uint64_t elements) const;
  bool run(std::uint32_t tasks);
  void work(std::uint32_t first_share);
  static void task(void* executor, std::uint32_t index);

  std::uint32_t threads_ = 0;           // as set
  std::uint32_t prepared_threads_ = 1;  // there are shares for so many and, without a host's pool, an arena
  lars_parallel_for host_run_ = nullptr;
  void* host_user_ = nullptr;
  Process host_process_;  // in which the host's pool lives

  ThreadPool pool_;
  std::vector<Share> shares_;
  Job job_;
};

}  // namespace lars
