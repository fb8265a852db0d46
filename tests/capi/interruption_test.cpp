// Signals while a checkpoint is saved and loaded: system calls that fail with EINTR, or transfer a part.
//
// On a local disk a signal seldom interrupts a call, though it does on network file systems. So this program
// has system calls of its own, which the library finds before those of the C library.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/folder.h"
#include "support/trainee.h"

namespace {

/// Two of three calls of every function fail with EINTR while this is set, and transfers move about half.
bool interrupting = false;
std::map<std::string, int> calls;
std::map<std::string, int> interruptions;

bool interrupted(const char* function) {
  if (!interrupting || calls[function]++ % 3 == 2) return false;
  ++interruptions[function];
  errno = EINTR;
  return true;
}

std::size_t part_of(std::size_t bytes) { return interrupting && bytes > 1 ? bytes - bytes / 2 : bytes; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (interrupted("open")) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  if (interrupted("write")) return -1;
  return syscall(SYS_write, descriptor, bytes, part_of(count));
}

ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  if (interrupted("write")) return -1;
  return syscall(SYS_pwrite64, descriptor, bytes, part_of(count), offset);
}

ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset) {
  if (interrupted("read")) return -1;
  return syscall(SYS_pread64, descriptor, bytes, part_of(count), offset);
}

int fsync(int descriptor) {
  if (interrupted("fsync")) return -1;
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

/// On Linux the descriptor is gone even if the call was interrupted.
int close(int descriptor) {
  const int status = static_cast<int>(syscall(SYS_close, descriptor));
  return interrupted("close") ? -1 : status;
}

}  // extern "C"

namespace lars_test {
namespace {

class Interruptions : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_.file("state"); }

  static Trainee make_trainee(std::int64_t elements) {
    Trainee trainee({{"large", LARS_F16, {elements}}, {"small", LARS_F64, {5}}, {"empty", LARS_F32, {0}}});
    trainee.set(LARS_LEARNING_RATE, 0.1);
    EXPECT_EQ(trainee.step(), LARS_OK);
    return trainee;
  }

  static std::string saved(const Trainee& trainee) {
    std::uint64_t bytes = 0;
    EXPECT_EQ(lars_save_size(trainee.get(), &bytes), LARS_OK);
    std::string checkpoint(bytes, '\0');
    EXPECT_EQ(lars_save_to(trainee.get(), checkpoint.data(), bytes), LARS_OK);
    return checkpoint;
  }

  [[nodiscard]] std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  Folder folder_;
};

TEST_F(Interruptions, OfEverySystemCallChangeNothing) {
  const Trainee trainee = make_trainee(1 << 20);
  const Trainee other(trainee.specs());
  interrupting = true;
  const std::int32_t save_status = lars_save(trainee.get(), path().c_str());
  const std::int32_t load_status = lars_load(other.get(), path().c_str());
  interrupting = false;
  EXPECT_EQ(save_status, LARS_OK) << lars_error_message(trainee.get());
  EXPECT_EQ(load_status, LARS_OK) << lars_error_message(other.get());
  for (const char* function : {"open", "write", "fsync", "close", "read"}) {
    EXPECT_GT(interruptions[function], 0) << function << " is not what the library calls any more";
  }
  EXPECT_EQ(content(), saved(trainee));
  EXPECT_EQ(saved(other), saved(trainee));
}

std::atomic<int> signals = 0;

/// Signals every millisecond, whose handler does not ask for system calls to be started again.
class Timer {
 public:
  Timer() {
    struct sigaction action = {};
    action.sa_handler = [](int /*signal*/) { ++signals; };
    EXPECT_EQ(sigaction(SIGALRM, &action, &before_), 0);
    set_interval(1000);
  }
  ~Timer() {
    set_interval(0);
    EXPECT_EQ(sigaction(SIGALRM, &before_, nullptr), 0);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  Timer(Timer&&) = delete;
  Timer& operator=(Timer&&) = delete;

 private:
  static void set_interval(suseconds_t microseconds) {
    const itimerval timer = {{0, microseconds}, {0, microseconds}};
    EXPECT_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
  }
  struct sigaction before_ = {};
};

TEST_F(Interruptions, BySignalsChangeNothing) {
  Trainee trainee = make_trainee(4 << 20);
  const Trainee other(trainee.specs());
  for (int round = 0; round < 5 || signals < 100; ++round) {
    ASSERT_LT(round, 1000) << "no signals come";
    {
      const Timer timer;
      EXPECT_EQ(lars_save(trainee.get(), path().c_str()), LARS_OK) << lars_error_message(trainee.get());
      EXPECT_EQ(lars_load(other.get(), path().c_str()), LARS_OK) << lars_error_message(other.get());
    }
    const std::string expected = saved(trainee);
    EXPECT_EQ(content(), expected);
    EXPECT_EQ(saved(other), expected);
    ASSERT_EQ(trainee.step(), LARS_OK);
  }
}

}  // namespace
}  // namespace lars_test
