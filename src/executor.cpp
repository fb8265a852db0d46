#include "executor.h"

#include <algorithm>
#include <thread>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace lars {
namespace {

/// Gives the thread another floating-point environment for a while: that of the thread that called the
/// library, so that results do not depend on how the threads of a pool were set up.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const FloatingPoint& environment) { environment.apply(); }
  ~ScopedEnvironment() { own_.apply(); }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;
  ScopedEnvironment(ScopedEnvironment&&) = delete;
  ScopedEnvironment& operator=(ScopedEnvironment&&) = delete;

 private:
  FloatingPoint own_ = FloatingPoint::current();
};

/// What the caller did before it handed the job to a pool happens before the job's tasks. ThreadSanitizer
/// does not see how oneTBB brings that about, and is told.
void hand_over([[maybe_unused]] void* job) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(job);
#endif
}
void take_over([[maybe_unused]] void* job) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(job);
#endif
}

}  // namespace

void Executor::set_threads(std::uint32_t threads) {
  threads_ = threads;
  host_run_ = nullptr;
  prepared_threads_ = 1;
}

void Executor::set_parallel_for(lars_parallel_for host_run, void* user, std::uint32_t threads) {
  threads_ = threads;
  host_run_ = host_run;
  host_user_ = user;
  host_process_ = Process::current();
  prepared_threads_ = 1;
}

std::uint32_t Executor::threads_for(std::uint64_t elements) const {
  const std::uint64_t helpful = elements / kElementsPerThread;
  if (helpful < 2 || threads_ == 1) return 1;
  std::uint32_t available = 1;
  if (host_run_ == nullptr) {
    available = ThreadPool::concurrency();
    if (threads_ != 0) available = std::min(available, threads_);
  } else if (host_process_ == Process::current()) {
    available = threads_ != 0 ? threads_ : std::max(std::thread::hardware_concurrency(), 1U);
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(helpful, available));
}

std::uint32_t Executor::tasks_for(std::size_t units, std::uint64_t elements) const {
  const std::uint64_t most = std::min<std::uint64_t>(units, prepared_threads_);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(threads_for(elements), most));
}

void Executor::prepare(std::uint64_t elements) {
  const std::uint32_t threads = threads_for(elements);
  if (threads <= prepared_threads_) return;
  if (shares_.size() < threads) shares_ = std::vector<Share>(threads);
  if (host_run_ == nullptr) pool_.prepare(threads);
  prepared_threads_ = threads;
}

bool Executor::run(std::uint32_t tasks) {
  job_.tasks = tasks;
  job_.environment = FloatingPoint::current();
  job_.unfinished = job_.units;
  for (std::uint32_t i = 0; i < tasks; ++i) {
    const std::uint64_t first = job_.units * i / tasks;
    shares_[i].first = first;
    shares_[i].size = job_.units * (i + std::uint64_t{1}) / tasks - first;
    shares_[i].claimed = 0;
  }
  job_.open = true;
  hand_over(this);
  bool succeeded = true;
  try {
    if (host_run_ != nullptr) {
      succeeded = host_run_(host_user_, tasks, &Executor::task, this) == 0;
    } else {
      pool_.run(tasks, &Executor::task, this);
    }
  } catch (...) {
    succeeded = host_run_ == nullptr;  // the built-in threads have failed only to help
  }
  work(0);
  job_.open = false;
  while (job_.unfinished != 0 || job_.joined != 0) std::this_thread::yield();
  return succeeded;
}

void Executor::task(void* executor, std::uint32_t index) {
  take_over(executor);
  auto& self = *static_cast<Executor*>(executor);
  ++self.job_.joined;
  // An index too many, or a task too late, is a host's mistake, which the calling thread makes good.
  if (self.job_.open && index < self.job_.tasks) {
    const ScopedEnvironment scoped(self.job_.environment);
    self.work(index);
  }
  --self.job_.joined;
}

void Executor::work(std::uint32_t first_share) {
  for (std::uint32_t i = 0; i < job_.tasks; ++i) {
    Share& share = shares_[(first_share + i) % job_.tasks];
    for (;;) {
      const std::uint64_t claimed = share.claimed++;
      if (claimed >= share.size) break;
      const std::uint64_t offset = job_.order == Order::forward ? claimed : share.size - 1 - claimed;
      job_.run_unit(job_.body, share.first + offset);
      --job_.unfinished;
    }
  }
}

}  // namespace lars
