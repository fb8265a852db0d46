// The allocator of the allocation_failure test, in place of the C library's, which operator new uses, too: in
// a file of its own, so that no compiler sees through it.
#include "capi/allocation_failures.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace {
// Of each thread, since a pool's threads allocate when they like.
thread_local long until_failure = -1;  // negative: none fails
thread_local bool failed = false;
thread_local long live = 0;
std::atomic<long> all_failures = 0;

bool must_fail() {
  if (until_failure < 0 || until_failure-- > 0) return false;
  failed = true;
  ++all_failures;
  errno = ENOMEM;
  return true;
}

void* counted(void* memory) {
  if (memory != nullptr) ++live;
  return memory;
}
}  // namespace

// glibc's own, under the names that it keeps for this. NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* memory, std::size_t size);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);
extern "C" void __libc_free(void* memory);
// NOLINTEND(bugprone-reserved-identifier)

extern "C" void* malloc(std::size_t size) noexcept {
  return must_fail() ? nullptr : counted(__libc_malloc(size));
}
extern "C" void* calloc(std::size_t count, std::size_t size) noexcept {
  return must_fail() ? nullptr : counted(__libc_calloc(count, size));
}
extern "C" void* realloc(void* memory, std::size_t size) noexcept {
  if (must_fail()) return nullptr;
  void* moved = __libc_realloc(memory, size);
  return memory == nullptr ? counted(moved) : moved;
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return must_fail() ? nullptr : counted(__libc_memalign(alignment, size));
}
extern "C" int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  *memory = aligned_alloc(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
extern "C" void free(void* memory) noexcept {
  if (memory != nullptr) --live;
  __libc_free(memory);
}

namespace lars_test {

FailingAllocation::FailingAllocation(long number) {
  failed = false;
  until_failure = number;
}
FailingAllocation::~FailingAllocation() { until_failure = -1; }
bool FailingAllocation::happened() { return failed; }
long live_allocations() { return live; }
long failed_allocations() { return all_failures; }

}  // namespace lars_test
