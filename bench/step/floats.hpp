// Memory of what is timed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace lars_bench {

/// An array of floats, not set. Huge pages are asked for only where the library would, for its own memory.
class Floats {
 public:
  Floats() = default;
  Floats(std::int64_t count, bool huge_pages);
  [[nodiscard]] float* data() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
};

}  // namespace lars_bench
