// Files of Windows. Paths are UTF-8.
#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <algorithm>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include "checkpoint/storage.h"
#include "error.h"

namespace lars {
namespace {

/// One call takes 32 bits of bytes.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

/// In the words of POSIX where it has a number for the same, else in the system's.
std::string reason(int error) { return std::system_category().default_error_condition(error).message(); }

int last_error() { return static_cast<int>(GetLastError()); }

/// As the system spells it; fails if `path` is not UTF-8.
std::wstring wide(const std::string& path) {
  if (path.empty()) return {};
  if (path.size() > std::numeric_limits<int>::max()) fail(LARS_ERR_IO, "the path has {} bytes", path.size());
  const int bytes = static_cast<int>(path.size());
  const int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), bytes, nullptr, 0);
  if (length == 0) fail(LARS_ERR_IO, "the path is not UTF-8, which it must be on Windows");
  std::wstring text(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.data(), bytes, text.data(), length);
  return text;
}

std::string narrow(const std::wstring& path) {
  const int characters = static_cast<int>(path.size());
  const int length = WideCharToMultiByte(CP_UTF8, 0, path.data(), characters, nullptr, 0, nullptr, nullptr);
  std::string text(static_cast<std::size_t>(length), '\0');
  WideCharToMultiByte(CP_UTF8, 0, path.data(), characters, text.data(), length, nullptr, nullptr);
  return text;
}

/// A handle that is closed.
class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  ~Handle() {
    if (handle_ != nullptr) CloseHandle(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&&) = delete;
  Handle& operator=(Handle&&) = delete;
  [[nodiscard]] HANDLE get() const { return handle_; }
  [[nodiscard]] HANDLE release() { return std::exchange(handle_, nullptr); }

 private:
  HANDLE handle_;
};

bool is_regular(HANDLE file) {
  FILE_ATTRIBUTE_TAG_INFO info = {};
  return GetFileType(file) == FILE_TYPE_DISK &&
         GetFileInformationByHandleEx(file, FileAttributeTagInfo, &info, sizeof info) != 0 &&
         (info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

/// The file that `path` leads to, if it is a symbolic link: that is what is to be replaced, not the link.
std::string resolved(const char* path) {
  const Handle old(CreateFileW(wide(path).c_str(), FILE_READ_ATTRIBUTES,
                               FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                               FILE_FLAG_BACKUP_SEMANTICS, nullptr));  // folders, too
  if (old.get() == nullptr) {
    const int error = last_error();
    const DWORD attributes = GetFileAttributesW(wide(path).c_str());  // of the link itself
    const bool dangles =
        attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
    if (!dangles && (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)) return path;
    fail(LARS_ERR_IO, "cannot find out what '{}' leads to: {}; it is as it was", shown_path(path),
         reason(error));
  }
  if (!is_regular(old.get()))
    fail(LARS_ERR_IO, "'{}' is not a regular file; nothing was written", shown_path(path));
  if ((GetFileAttributesW(wide(path).c_str()) & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return path;
  std::wstring target(GetFinalPathNameByHandleW(old.get(), nullptr, 0, 0), L'\0');
  const DWORD length =
      GetFinalPathNameByHandleW(old.get(), target.data(), static_cast<DWORD>(target.size()), 0);
  if (length == 0 || length >= target.size()) {
    fail(LARS_ERR_IO, "cannot find out what '{}' leads to: {}; it is as it was", shown_path(path),
         reason(last_error()));
  }
  target.resize(length);
  return narrow(target);
}

/// Renames a file over another, and returns the system's error, or 0. Virus scanners, indexers and readers
/// have files open for moments in which they cannot be replaced: it is tried again for about a second.
DWORD replace(const std::wstring& from, const std::wstring& to) {
  constexpr DWORD kLongestPause = 512;  // milliseconds; they double from 1 on
  for (DWORD pause = 1;; pause *= 2) {
    // Returns when the new name is on the disk.
    if (MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0)
      return ERROR_SUCCESS;
    const DWORD error = GetLastError();
    const bool may_pass = error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION;
    if (!may_pass || pause > kLongestPause) return error;
    Sleep(pause);
  }
}

}  // namespace

// ---- ReplacingFile --------------------------------------------------------------------------------------

ReplacingFile::ReplacingFile(const char* path, std::uint64_t /*size*/) : path_(resolved(path)) {
  buffer_.reserve(kBuffer);
  unsigned attempt = 0;  // other threads may be saving here, and ended processes have left theirs
  HANDLE created = nullptr;
  do {
    temporary_ = temporary_of(path_, GetCurrentProcessId(), attempt++);
    created = CreateFileW(wide(temporary_).c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_NEW,
                          FILE_ATTRIBUTE_NORMAL, nullptr);
  } while (created == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_EXISTS);
  if (created == INVALID_HANDLE_VALUE) {
    const int error = last_error();
    const std::string name = std::exchange(temporary_, "");
    fail(LARS_ERR_IO, "cannot create '{}': {}; '{}' is as it was", shown_path(name), reason(error),
         shown_path(path_));
  }
  file_ = created;
}

ReplacingFile::~ReplacingFile() {
  if (file_ != kNoFile) CloseHandle(file_);
  if (temporary_.empty()) return;
  try {
    DeleteFileW(wide(temporary_).c_str());
  } catch (const std::bad_alloc&) {  // a leftover is better than an end of the process
  }
}

void ReplacingFile::fail_with(const char* action, int error) {
  fail(LARS_ERR_IO, "cannot {} '{}': {}; '{}' is as it was", action, shown_path(temporary_), reason(error),
       shown_path(path_));
}

void ReplacingFile::write_through(std::uint64_t offset, std::span<const std::byte> bytes) {
  LARGE_INTEGER place = {};
  place.QuadPart = static_cast<LONGLONG>(offset);
  if (offset != position_ && SetFilePointerEx(file_, place, nullptr, FILE_BEGIN) == 0)
    fail_with("seek in", last_error());
  position_ = offset + bytes.size();
  while (!bytes.empty()) {
    DWORD written = 0;
    const auto most = static_cast<DWORD>(std::min(bytes.size(), kMostAtOnce));
    if (WriteFile(file_, bytes.data(), most, &written, nullptr) == 0) fail_with("write", last_error());
    if (written == 0) fail_with("write", ERROR_DISK_FULL);
    bytes = bytes.subspan(written);
  }
}

void ReplacingFile::commit() {
  flush();
  const std::wstring from = wide(temporary_);
  const std::wstring to = wide(path_);
  if (FlushFileBuffers(file_) == 0) fail_with("flush", last_error());
  if (CloseHandle(std::exchange(file_, kNoFile)) == 0) fail_with("close", last_error());
  const DWORD error = replace(from, to);
  if (error != ERROR_SUCCESS) fail_with("rename", static_cast<int>(error));
  temporary_.clear();
}

// ---- InputFile ------------------------------------------------------------------------------------------

InputFile::InputFile(const char* path) : path_(path) {
  Handle file(CreateFileW(wide(path_).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                          OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS,
                          nullptr));  // opens folders, to say what they are
  if (file.get() == nullptr)
    fail(LARS_ERR_IO, "cannot open '{}': {}", shown_path(path_), reason(last_error()));
  if (!is_regular(file.get())) fail(LARS_ERR_IO, "'{}' is not a regular file", shown_path(path_));
  LARGE_INTEGER size = {};
  if (GetFileSizeEx(file.get(), &size) == 0)
    fail(LARS_ERR_IO, "cannot stat '{}': {}", shown_path(path_), reason(last_error()));
  size_ = static_cast<std::uint64_t>(size.QuadPart);
  file_ = file.release();
}

InputFile::~InputFile() { CloseHandle(file_); }

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    OVERLAPPED place = {};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    const auto most = static_cast<DWORD>(std::min(bytes.size(), kMostAtOnce));
    if (ReadFile(file_, bytes.data(), most, &got, &place) == 0 && GetLastError() != ERROR_HANDLE_EOF)
      fail(LARS_ERR_IO, "cannot read '{}': {}", shown_path(path_), reason(last_error()));
    if (got == 0) fail(LARS_ERR_IO, "'{}' became shorter while it was read", shown_path(path_));
    offset += got;
    bytes = bytes.subspan(got);
  }
}

}  // namespace lars
