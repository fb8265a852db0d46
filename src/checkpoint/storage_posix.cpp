// Files of POSIX systems.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>
#include <string_view>
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

/// Where the symbolic link `path` leads to, from where `path` is seen; none if it is no link, or nothing.
std::optional<std::string> target_of(const std::string& path) {
  std::array<char, PATH_MAX> target = {};
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  const int error = length < 0 ? errno : 0;
  if (error == EINVAL || error == ENOENT) return std::nullopt;
  if (error != 0) {  // a link might be replaced
    fail(LARS_ERR_IO, "cannot find out what '{}' leads to: {}; it is as it was", shown_path(path),
         reason(error));
  }
  const std::string_view text(target.data(), static_cast<std::size_t>(length));
  const std::size_t slash = path.rfind('/');
  if (text.starts_with('/') || slash == std::string::npos) return std::string(text);
  return path.substr(0, slash + 1).append(text);
}

/// The file that `path` leads to through any symbolic links, whether it is there or not yet: that is what is
/// to be replaced, not the link.
std::string resolved(std::string path) {
  constexpr int kMostLinks = 40;  // as Linux has it
  for (int links = 0; links <= kMostLinks; ++links) {
    std::optional<std::string> target = target_of(path);
    if (!target) return path;
    path = std::move(*target);
  }
  fail(LARS_ERR_IO, "cannot find out what '{}' leads to: {}; it is as it was", shown_path(path),
       reason(ELOOP));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Gives a file the owner, group and permissions of an old one, as far as this process may: it is this user's
/// file either way. The bits that let a program run as its owner are not for a file with new content.
void take_over(int file, const struct stat& old) {
  const bool all = fchown(file, old.st_uid, old.st_gid) == 0;
  const bool group = all || fchown(file, static_cast<uid_t>(-1), old.st_gid) == 0;
  // What the old file's group may do is not for another one.
  const mode_t mode = old.st_mode & 0777;
  static_cast<void>(fchmod(file, group ? mode : mode & ~mode_t{S_IRWXG}));
}

}  // namespace

// ---- ReplacingFile --------------------------------------------------------------------------------------

ReplacingFile::ReplacingFile(const char* path, std::uint64_t size) : path_(resolved(path)) {
  struct stat old = {};
  const bool replaces = stat(path_.c_str(), &old) == 0;
  const int unseen = replaces ? ENOENT : errno;
  if (unseen != ENOENT)
    fail(LARS_ERR_IO, "cannot stat '{}': {}; it is as it was", shown_path(path_), reason(unseen));
  if (replaces && !S_ISREG(old.st_mode)) {
    fail(LARS_ERR_IO, "'{}' is not a regular file; nothing was written", shown_path(path_));
  }
  // A write beyond the limit would end the process by a signal, unless the host ignores it.
  rlimit limit = {};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur) {
    fail(LARS_ERR_IO,
         "the checkpoint has {} bytes, but this process may write files of {} (RLIMIT_FSIZE); '{}' is as "
         "it was",
         size, limit.rlim_cur, shown_path(path_));
  }
  buffer_.reserve(kBuffer);
  const mode_t mode = replaces ? 0600 : 0666;  // until it has the old file's
  unsigned attempt = 0;  // other threads may be saving here, and killed processes have left theirs
  do {
    temporary_ = temporary_of(path_, static_cast<std::uint64_t>(getpid()), attempt++);
    file_ = uninterrupted(
        [&] { return open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode); });
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) {
    const int error = errno;
    const std::string name = std::exchange(temporary_, "");
    fail(LARS_ERR_IO, "cannot create '{}': {}; '{}' is as it was", shown_path(name), reason(error),
         shown_path(path_));
  }
  if (replaces) take_over(file_, old);
}

ReplacingFile::~ReplacingFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void ReplacingFile::fail_with(const char* action, int error) {
  fail(LARS_ERR_IO, "cannot {} '{}': {}; '{}' is as it was", action, shown_path(temporary_), reason(error),
       shown_path(path_));
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
         shown_path(path_), shown_path(folder), reason(error));
  }
}

// ---- InputFile ------------------------------------------------------------------------------------------

InputFile::InputFile(const char* path) : path_(path) {
  file_ =
      uninterrupted([&] { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); });  // a pipe does not block
  int error = errno;
  if (file_ < 0) fail(LARS_ERR_IO, "cannot open '{}': {}", shown_path(path_), reason(error));
  struct stat status = {};
  const int failed = fstat(file_, &status);
  error = errno;
  if (failed != 0 || !S_ISREG(status.st_mode)) {
    close(file_);
    if (failed != 0) fail(LARS_ERR_IO, "cannot stat '{}': {}", shown_path(path_), reason(error));
    fail(LARS_ERR_IO, "'{}' is not a regular file", shown_path(path_));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { close(file_); }

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = uninterrupted([&] {
      return pread(file_, bytes.data(), std::min(bytes.size(), kMostAtOnce), static_cast<off_t>(offset));
    });
    const int error = errno;
    if (got < 0) fail(LARS_ERR_IO, "cannot read '{}': {}", shown_path(path_), reason(error));
    if (got == 0) fail(LARS_ERR_IO, "'{}' became shorter while it was read", shown_path(path_));
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace lars
