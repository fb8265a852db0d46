#include "floats.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace lars_bench {

Floats::Floats(std::int64_t count, bool huge_pages) {
  constexpr std::size_t kHugePage = 2 << 20;
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
  void* memory = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage);
  if (memory == nullptr) throw std::bad_alloc();
  memory_.reset(static_cast<float*>(memory));
  if (huge_pages) madvise(memory, (bytes + kHugePage - 1) / kHugePage * kHugePage, MADV_HUGEPAGE);
}

}  // namespace lars_bench
