// Checkpoints and what only POSIX systems have: links, modes, pipes, devices, and a child's peak of memory.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

namespace fs = std::filesystem;

// ---- The file -------------------------------------------------------------------------------------------

TEST_F(Checkpoints, SavingFollowsLinksAndKeepsTheMode) {
  Trainee trainee = make_trainee([](Trainee&) {});
  write_file(path(), "old");
  ASSERT_EQ(chmod(path().c_str(), 0666), 0);
  fs::create_symlink(path(), path("link"));
  expect_ok(lars_save(trainee.get(), path("link").c_str()), trainee);
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path()), saved(trainee));
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms(0666));
  const fs::directory_iterator files(folder_.path());
  EXPECT_EQ(std::distance(files, fs::directory_iterator()), 2) << "something is left over";
}

TEST_F(Checkpoints, SavingReplacesALinkThatLeadsNowhere) {
  Trainee trainee = make_trainee([](Trainee&) {});
  fs::create_symlink(path(), path("link"));
  expect_ok(lars_save(trainee.get(), path("link").c_str()), trainee);
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path("link"))));
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Checkpoints, DevicesAndPipesAreRefused) {
  Trainee trainee = make_trainee([](Trainee&) {});
  EXPECT_EQ(lars_save(trainee.get(), "/dev/full"), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("is not a regular file"), std::string::npos) << message(trainee);
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(lars_load(trainee.get(), path("pipe").c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("is not a regular file"), std::string::npos) << message(trainee);
}

// ---- Memory ---------------------------------------------------------------------------------------------

/// The most memory that this process has had, in bytes.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::size_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

/// Exit status of a process of its own that runs body, which returns what it needed at its peak beyond what
/// there was.
template <class Body>
bool needs_at_most(std::size_t bytes, const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    const std::size_t needed = body();
    if (needed > bytes) std::fprintf(stderr, "needed %zu bytes, not %zu\n", needed, bytes);
    _exit(needed > bytes ? 1 : 0);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(Checkpoints, SavingAndLoadingNeedNoSecondCopyOfTheState) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has memory of its own";
#endif
  constexpr std::int64_t kElements = 24 << 20;  // 96 MiB of momentum
  constexpr std::size_t kState = sizeof(float) * std::size_t{kElements};
  // Far from a second copy, and enough for an emulator's translations of the code that runs for the first
  // time.
  constexpr std::size_t kAllowed = kState / 4;
  const OptimizerHandle large = make_optimizer();
  ASSERT_EQ(lars_add_parameter(large.get(), "w", LARS_F32, 1, &kElements, nullptr), LARS_OK);
  ASSERT_EQ(lars_set(large.get(), nullptr, LARS_LEARNING_RATE, 0.1), LARS_OK);
  {
    std::vector<float> parameter(std::size_t{kElements}, 1.0F);
    std::vector<float> gradient(std::size_t{kElements}, 0.5F);
    ASSERT_EQ(lars_step_flat(large.get(), parameter.data(), gradient.data()), LARS_OK);
  }
  EXPECT_TRUE(needs_at_most(kAllowed, [&] {
    // The child's peak begins with what it has.
    const std::size_t before = peak_memory();
    return lars_save(large.get(), path().c_str()) == LARS_OK ? peak_memory() - before : SIZE_MAX;
  }));
  EXPECT_TRUE(needs_at_most(kState + kAllowed, [&] {
    const OptimizerHandle fresh = make_optimizer();
    if (lars_add_parameter(fresh.get(), "w", LARS_F32, 1, &kElements, nullptr) != LARS_OK) return SIZE_MAX;
    const std::size_t before = peak_memory();
    return lars_load(fresh.get(), path().c_str()) == LARS_OK ? peak_memory() - before : SIZE_MAX;
  }));
}

}  // namespace
}  // namespace lars_test
