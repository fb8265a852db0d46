#include "tensor_memory.h"

#include <cstddef>
#include <limits>
#include <new>

namespace lars {
namespace {

constexpr std::uint64_t kLine = 64;  // bytes in a cache line

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

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
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
  auto* next = static_cast<std::byte*>(memory_.get()) + (round_up(address) - address);
  for (const std::uint64_t size : bytes) {
    buffers_.push_back(next);
    next += round_up(size);
  }
}

}  // namespace lars
