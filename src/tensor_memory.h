// Memory that the library keeps for tensors: momentum, masters, accumulators.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

namespace lars {

/// One zeroed allocation, in which every buffer begins on a cache line, so that no two share one.
class TensorMemory {
 public:
  TensorMemory() = default;

  /// Buffers of these sizes, in bytes. Large memory stays untouched until its first use, by whichever thread
  /// that is, so that it lies near that thread.
  explicit TensorMemory(std::span<const std::uint64_t> bytes);

  [[nodiscard]] void* buffer(std::size_t index) const { return buffers_[index]; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::unique_ptr<void, Free> memory_;
  std::vector<void*> buffers_;
};

}  // namespace lars
