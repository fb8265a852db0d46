// Counts what the program, and the library in it, allocate by operator new. A file of its own, so that no
// compiler sees through these functions where they are called.
#include "support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> count = 0;
std::atomic<std::uint64_t> bytes = 0;
}  // namespace

bool lars_test::library_allocations_are_counted() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(_WIN32)
  return false;
#else
  return true;
#endif
}

std::uint64_t lars_test::allocation_count() { return count; }

std::uint64_t lars_test::allocated_bytes() { return bytes; }

#if !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)  // which bring their own; nothing is counted then

void* operator new(std::size_t size) {
  ++count;
  bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

#endif
