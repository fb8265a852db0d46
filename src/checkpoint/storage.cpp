// What is the same on every system; storage_posix.cpp and storage_windows.cpp have the files.
#include "checkpoint/storage.h"

#include <algorithm>

namespace lars {

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
