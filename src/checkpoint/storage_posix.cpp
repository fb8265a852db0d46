// Files of POSIX systems.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include "checkpoint/storage.h"
#include "error.h"

namespace lars {
namespace {

/// Linux moves at most about 2 GiB in one call.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

std::string reason(int error) { return std::generic_category().message(error); }

/// Calls a system call again while a signal interrupts it.
template <class Call>
auto uninterrupted(const Call& system_call) {
  for (;;) {
    const auto result = system_call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/// The file that `path` leads to, if it is a symbolic link: that is what is to be replaced, not the link. A
/// link that leads to nothing is replaced itself.
std::string resolved(const char* path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path, nullptr), &std::free);
  if (real == nullptr && errno == ENOMEM) throw std::bad_alloc();
  if (real == nullptr && errno != ENOENT) {  // or a link to a file might be replaced
    fail(LARS_ERR_IO, "cannot find out what '{}' leads to: {}; it is as it was", path, reason(errno));
  }
  return real != nullptr ? real.get() : path;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

// ---- ReplacingFile --------------------------------------------------------------------------------------

ReplacingFile::ReplacingFile(const char* path, std::uint64_t size) : path_(resolved(path)) {
  struct stat old = {};
  const bool replaces = stat(path_.c_str(), &old) == 0;
  if (!replaces && errno != ENOENT)
    fail(LARS_ERR_IO, "cannot stat '{}': {}; it is as it was", path_, reason(errno));
  if (replaces && !S_ISREG(old.st_mode)) {
    fail(LARS_ERR_IO, "'{}' is not a regular file; nothing was written", path_);
  }
  // A write beyond the limit would end the process by a signal, unless the host ignores it.
  rlimit limit = {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur) {
    fail(LARS_ERR_IO,
         "the checkpoint has {} bytes, but this process may write files of {} (RLIMIT_FSIZE); '{}' is as "
         "it was",
         size, limit.rlim_cur, path_);
  }
  buffer_.reserve(kBuffer);
  const mode_t mode = replaces ? old.st_mode & 07777 : 0666;
  unsigned attempt = 0;  // other threads may be saving here, and killed processes have left theirs
  do {
    temporary_ = fmt::format("{}.{}.{}.tmp", path_, getpid(), attempt++);
    file_ = uninterrupted(
        [&] { return open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode); });
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) {
    const int error = errno;
    const std::string name = std::exchange(temporary_, "");
    fail(LARS_ERR_IO, "cannot create '{}': {}; '{}' is as it was", name, reason(error), path_);
  }
  // The mode above lost the bits of the umask. Of no effect if it fails: the file is this user's either way.
  if (replaces) static_cast<void>(fchmod(file_, mode));
}

ReplacingFile::~ReplacingFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void ReplacingFile::fail_with(const char* action, int error) {
  fail(LARS_ERR_IO, "cannot {} '{}': {}; '{}' is as it was", action, temporary_, reason(error), path_);
}

void ReplacingFile::write_through(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset != position_ && lseek(file_, static_cast<off_t>(offset), SEEK_SET) < 0)
    fail_with("seek in", errno);
  position_ = offset + bytes.size();
  while (!bytes.empty()) {
    const ssize_t written =
        uninterrupted([&] { return ::write(file_, bytes.data(), std::min(bytes.size(), kMostAtOnce)); });
    if (written < 0) fail_with("write", errno);
    if (written == 0) fail_with("write", ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void ReplacingFile::commit() {
  flush();
  const std::string folder =
      folder_of(path_);  // before the rename, after which nothing may fail for want of memory
  // Not tried again if it fails: the pages it could not write may be marked clean then.
  if (uninterrupted([&] { return fsync(file_); }) != 0) fail_with("fsync", errno);
  const int descriptor = std::exchange(file_, -1);
  if (close(descriptor) != 0 && errno != EINTR) fail_with("close", errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with("rename", errno);
  temporary_.clear();
  // The rename lasts only when the folder is written.
  const int opened = uninterrupted([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  // EINVAL: a file system without anything to do for folders.
  const bool synced = opened >= 0 && (uninterrupted([&] { return fsync(opened); }) == 0 || errno == EINVAL);
  const int error = errno;
  if (opened >= 0) close(opened);
  if (!synced) {
    fail(LARS_ERR_IO,
         "'{}' is the new checkpoint, whole, but may become the old one again if the system stops now: "
         "cannot fsync '{}': {}",
         path_, folder, reason(error));
  }
}

// ---- InputFile ------------------------------------------------------------------------------------------

InputFile::InputFile(const char* path) : path_(path) {
  file_ =
      uninterrupted([&] { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); });  // a pipe does not block
  if (file_ < 0) fail(LARS_ERR_IO, "cannot open '{}': {}", path_, reason(errno));
  struct stat status = {};
  const int failed = fstat(file_, &status);
  const int error = errno;
  if (failed != 0 || !S_ISREG(status.st_mode)) {
    close(file_);
    if (failed != 0) fail(LARS_ERR_IO, "cannot stat '{}': {}", path_, reason(error));
    fail(LARS_ERR_IO, "'{}' is not a regular file", path_);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { close(file_); }

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = uninterrupted([&] {
      return pread(file_, bytes.data(), std::min(bytes.size(), kMostAtOnce), static_cast<off_t>(offset));
    });
    if (got < 0) fail(LARS_ERR_IO, "cannot read '{}': {}", path_, reason(errno));
    if (got == 0) fail(LARS_ERR_IO, "'{}' became shorter while it was read", path_);
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace lars
