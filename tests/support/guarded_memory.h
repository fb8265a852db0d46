// Memory between two pages that must not be touched: a kernel that reads or writes an element too many ends
// the test program.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace lars_test {

/// Where the elements lie between the forbidden pages.
enum class Edge { front, back };

class GuardedMemory {
 public:
  GuardedMemory(std::size_t bytes, Edge edge) : bytes_(bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (bytes + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    void* mapping = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(mapping, MAP_FAILED);
    mapping_ = static_cast<std::byte*>(mapping);
    if (inner > 0) {
      EXPECT_EQ(mprotect(mapping_ + page, inner, PROT_READ | PROT_WRITE), 0);
    }
    data_ = mapping_ + page + (edge == Edge::back ? inner - bytes : 0);
  }
  GuardedMemory(const std::vector<std::byte>& content, Edge edge) : GuardedMemory(content.size(), edge) {
    if (!content.empty()) std::memcpy(data_, content.data(), content.size());
  }
  ~GuardedMemory() { munmap(mapping_, mapped_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::vector<std::byte> content() const { return {data_, data_ + bytes_}; }

 private:
  std::size_t bytes_;
  std::size_t mapped_ = 0;
  std::byte* mapping_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace lars_test
