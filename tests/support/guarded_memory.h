// Memory between two pages that must not be touched: a kernel that reads or writes an element too many ends
// the test program.
#pragma once

#include <gtest/gtest.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstring>
#include <vector>

namespace lars_test {

#ifdef _WIN32
inline std::size_t page_size() {
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  return system.dwPageSize;
}
inline void* reserve(std::size_t bytes) { return VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_NOACCESS); }
inline bool allow(void* memory, std::size_t bytes) {
  return VirtualAlloc(memory, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}
inline void release(void* memory, std::size_t /*bytes*/) { VirtualFree(memory, 0, MEM_RELEASE); }
#else
inline std::size_t page_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
inline void* reserve(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}
inline bool allow(void* memory, std::size_t bytes) {
  return mprotect(memory, bytes, PROT_READ | PROT_WRITE) == 0;
}
inline void release(void* memory, std::size_t bytes) { munmap(memory, bytes); }
#endif

/// Where the elements lie between the forbidden pages.
enum class Edge { front, back };

class GuardedMemory {
 public:
  GuardedMemory(std::size_t bytes, Edge edge) : bytes_(bytes) {
    const std::size_t page = page_size();
    const std::size_t inner = (bytes + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    mapping_ = static_cast<std::byte*>(reserve(mapped_));
    EXPECT_NE(mapping_, nullptr);
    if (inner > 0) {
      EXPECT_TRUE(allow(mapping_ + page, inner));
    }
    data_ = mapping_ + page + (edge == Edge::back ? inner - bytes : 0);
  }
  GuardedMemory(const std::vector<std::byte>& content, Edge edge) : GuardedMemory(content.size(), edge) {
    assign(content);
  }
  ~GuardedMemory() { release(mapping_, mapped_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  /// As many bytes as before.
  void assign(const std::vector<std::byte>& content) {
    ASSERT_EQ(content.size(), bytes_);
    if (!content.empty()) std::memcpy(data_, content.data(), content.size());
  }

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::vector<std::byte> content() const { return {data_, data_ + bytes_}; }

 private:
  std::size_t bytes_;
  std::size_t mapped_ = 0;
  std::byte* mapping_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace lars_test
