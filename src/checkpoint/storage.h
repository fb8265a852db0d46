// Where a checkpoint is written to and read from: a file, or memory of the caller's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lars {

#ifdef _WIN32
using SystemFile = void*;  // a HANDLE
inline constexpr SystemFile kNoFile = nullptr;
#else
using SystemFile = int;  // a descriptor
inline constexpr SystemFile kNoFile = -1;
#endif

/// A path as messages have it: a long one without its middle, so that what is said after it is not cut off.
std::string shown_path(std::string_view path);

/// The name of a file's temporary: beside it, and no longer than names of files may be. `attempt` tells apart
/// those of one process.
std::string temporary_of(const std::string& path, std::uint64_t process, unsigned attempt);

/// Bytes to be read from anywhere.
class Input {
 public:
  virtual ~Input() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Fills `bytes` with those from `offset` on. Offset and size are within the input.
  virtual void read(std::uint64_t offset, std::span<std::byte> bytes) = 0;
};

/// A file that replaces another whole, or not at all: written beside it, under a name of its own, made
/// durable, and then renamed. Until commit the old file is untouched; without commit the new one is removed.
/// Every function throws LARS_ERR_IO, with what failed and the system's reason.
class ReplacingFile {
 public:
  /// A new file for `size` bytes. On POSIX systems it has the permissions of the file it is to replace, and
  /// its owner and group where this process may give them; on Windows what the folder gives to new files.
  ReplacingFile(const char* path, std::uint64_t size);
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;
  ReplacingFile(ReplacingFile&&) = delete;
  ReplacingFile& operator=(ReplacingFile&&) = delete;

  /// Each place once, in any order.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  void commit();

 private:
  /// Pieces below this are gathered, larger ones written as they are.
  static constexpr std::size_t kBuffer = std::size_t{256} * 1024;

  void flush();
  void write_through(std::uint64_t offset, std::span<const std::byte> bytes);
  [[noreturn]] void fail_with(const char* action, int error);

  std::string path_;       // of the file to replace, links to a file resolved
  std::string temporary_;  // "" when it is gone
  SystemFile file_ = kNoFile;
  std::uint64_t position_ = 0;  // where the system would write next
  std::string buffer_;          // small pieces, to be written together
  std::uint64_t buffer_offset_ = 0;
};

class InputFile : public Input {
 public:
  explicit InputFile(const char* path);
  ~InputFile() override;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  InputFile(InputFile&&) = delete;
  InputFile& operator=(InputFile&&) = delete;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<std::byte> bytes) override;

 private:
  std::string path_;
  SystemFile file_ = kNoFile;
  std::uint64_t size_ = 0;
};

/// The caller's memory.
class InputMemory : public Input {
 public:
  InputMemory(const void* memory, std::uint64_t size)
      : bytes_(static_cast<const std::byte*>(memory), static_cast<std::size_t>(size)) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> bytes) override;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace lars
