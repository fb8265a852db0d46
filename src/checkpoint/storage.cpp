// What is the same on every system; storage_posix.cpp and storage_windows.cpp have the files.
#include "checkpoint/storage.h"

#include <algorithm>

#include "error.h"
#include "utf8.h"

namespace lars {

// ---- Paths ----------------------------------------------------------------------------------------------

std::string shown_path(std::string_view path) {
  constexpr std::size_t kPart = 120;  // bytes at either end; a message has two paths and some 1000 bytes
  if (path.size() <= 2 * kPart) return std::string(path);
  std::size_t end = path.size() - kPart;
  while (end < path.size() && is_continuation(path[end])) ++end;
  return formatted("{}...{}", cut(path, kPart), path.substr(end));
}

std::string temporary_of(const std::string& path, std::uint64_t process, unsigned attempt) {
  constexpr std::size_t kName = 200;  // of the usual 255 bytes, so that the numbers have room
#ifdef _WIN32
  const std::size_t separator = path.find_last_of("/\\:");
#else
  const std::size_t separator = path.rfind('/');
#endif
  const std::size_t name = separator == std::string::npos ? 0 : separator + 1;
  const std::string_view whole(path);
  return formatted("{}{}.{}.{}.tmp", whole.substr(0, name), cut(whole.substr(name), kName), process, attempt);
}

// ---- ReplacingFile --------------------------------------------------------------------------------------

void ReplacingFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset != buffer_offset_ + buffer_.size() || buffer_.size() + bytes.size() > kBuffer) {
    flush();
    buffer_offset_ = offset;
  }
  if (bytes.size() < kBuffer) {
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    write_through(offset, bytes);
    buffer_offset_ = offset + bytes.size();
  }
}

void ReplacingFile::flush() {
  if (!buffer_.empty()) write_through(buffer_offset_, std::as_bytes(std::span(buffer_)));
  buffer_.clear();
}

// ---- Memory ---------------------------------------------------------------------------------------------

void InputMemory::read(std::uint64_t offset, std::span<std::byte> bytes) {
  const auto from = bytes_.subspan(static_cast<std::size_t>(offset), bytes.size());
  std::copy(from.begin(), from.end(), bytes.begin());
}

}  // namespace lars
