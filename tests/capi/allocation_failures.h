// Memory that runs out when a test says so.
#pragma once

#include <string>

namespace lars_test {

/// From construction to the end of its scope, the allocation of this thread with that number (from 0) fails:
/// malloc and its kin, so operator new, whoever calls them. Later ones succeed.
class FailingAllocation {
 public:
  explicit FailingAllocation(long number);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  FailingAllocation(FailingAllocation&&) = delete;
  FailingAllocation& operator=(FailingAllocation&&) = delete;

  /// Whether it came to that.
  [[nodiscard]] static bool happened();
};

/// Blocks of memory that this thread has allocated and not freed.
long live_allocations();

/// Allocations that failed so far, in all.
long failed_allocations();

}  // namespace lars_test
