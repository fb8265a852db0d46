#include "tensor_memory.h"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <cstddef>
#include <limits>
#include <new>

namespace lars {
namespace {

constexpr std::uint64_t kLine = 64;  // bytes in a cache line

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

/// Asks for huge pages where memory is large: a step walks through three arrays at once, and spends less on
/// finding their pages. Linux gives them if it is set to "madvise" or "always"; if not, nothing is lost.
void prefer_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::uint64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uint64_t kHugePage = 2 << 20;
  const std::uint64_t skipped = -reinterpret_cast<std::uintptr_t>(memory) % kHugePage;
  if (bytes < skipped + kHugePage) return;
  madvise(static_cast<std::byte*>(memory) + skipped, (bytes - skipped) / kHugePage * kHugePage,
          MADV_HUGEPAGE);
#endif
}

}  // namespace

TensorMemory::TensorMemory(std::span<const std::uint64_t> bytes) {
  constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());
  std::uint64_t total = kLine;  // room to align the first buffer
  for (const std::uint64_t size : bytes) {
    if (size > kLimit - kLine || round_up(size) > kLimit - total) throw std::bad_alloc();
    total += round_up(size);
  }
  memory_.reset(std::calloc(total, 1));
  if (memory_ == nullptr) throw std::bad_alloc();
  prefer_huge_pages(memory_.get(), total);
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  auto* next = static_cast<std::byte*>(memory_.get()) + (round_up(address) - address);
  for (const std::uint64_t size : bytes) {
    buffers_.push_back(next);
    next += round_up(size);
  }
}

}  // namespace lars
