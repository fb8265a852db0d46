// Checkpoints and what only POSIX systems have: links, modes, pipes, devices, and a child's peak of memory.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
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

/// "latest -> /fast/disk/state", and nothing is there yet: one link to the next, by relative and absolute
/// paths.
TEST_F(Checkpoints, SavingFollowsLinksToWhatIsNotThereYet) {
  Trainee trainee = make_trainee([](Trainee&) {});
  fs::create_directory(path("disk"));
  fs::create_directory(path("links"));
  fs::create_symlink("../second", path("links/first"));
  fs::create_symlink(path("disk/third"), path("second"));
  fs::create_symlink("state", path("disk/third"));
  for (int save = 0; save < 2; ++save) {  // the second time it is there
    expect_ok(lars_save(trainee.get(), path("links/first").c_str()), trainee);
    for (const char* link : {"links/first", "second", "disk/third"})
      EXPECT_TRUE(fs::is_symlink(path(link))) << link;
    EXPECT_EQ(read_file(path("disk/state")), saved(trainee));
  }
  const fs::directory_iterator files(path("disk"));
  EXPECT_EQ(std::distance(files, fs::directory_iterator()), 2) << "something is left over";
}

TEST_F(Checkpoints, LinksThatCannotBeFollowedStay) {
  Trainee trainee = make_trainee([](Trainee&) {});
  fs::create_symlink("second", path("first"));
  fs::create_symlink("first", path("second"));
  EXPECT_EQ(lars_save(trainee.get(), path("first").c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("Too many levels of symbolic links; it is as it was"), std::string::npos)
      << message(trainee);
  fs::create_symlink(path("none/state"), path("third"));
  EXPECT_EQ(lars_save(trainee.get(), path("third").c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("cannot create"), std::string::npos) << message(trainee);
  for (const char* link : {"first", "second", "third"}) EXPECT_TRUE(fs::is_symlink(path(link))) << link;
}

/// The new content is not what somebody has allowed to run as another user.
TEST_F(Checkpoints, SavingKeepsOwnerGroupAndPermissions) {
  Trainee trainee = make_trainee([](Trainee&) {});
  write_file(path(), "old");
  const bool may_give_away = geteuid() == 0;
  if (may_give_away) {
    ASSERT_EQ(chown(path().c_str(), 65534, 65533), 0);
  }
  ASSERT_EQ(chmod(path().c_str(), 07775), 0);
  fs::create_hard_link(path(), path("another"));
  struct stat old = {};
  ASSERT_EQ(stat(path().c_str(), &old), 0);
  ASSERT_EQ(old.st_mode & 07777, 07775U);
  expect_ok(lars_save(trainee.get(), path().c_str()), trainee);
  struct stat now = {};
  ASSERT_EQ(stat(path().c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 07777, 0775U);
  EXPECT_EQ(now.st_uid, old.st_uid);
  EXPECT_EQ(now.st_gid, old.st_gid);
  EXPECT_EQ(read_file(path("another")), "old");
}

TEST_F(Checkpoints, NamesMayBeAsLongAsTheFileSystemAllows) {
  Trainee trainee = make_trainee([](Trainee&) {});
  std::string name = "x";
  while (name.size() < 255) name += "ß";  // cut in the middle of none
  const std::string file = path(name.c_str());
  for (int save = 0; save < 2; ++save) expect_ok(lars_save(trainee.get(), file.c_str()), trainee);
  EXPECT_EQ(read_file(file), saved(trainee));
  const fs::directory_iterator files(folder_.path());
  EXPECT_EQ(std::distance(files, fs::directory_iterator()), 1) << "something is left over";
}

/// A message has 1023 bytes, and two paths may be much longer.
TEST_F(Checkpoints, LongPathsDoNotHideTheOutcome) {
  Trainee trainee = make_trainee([](Trainee&) {});
  std::string folder = "x";
  while (folder.size() < 199) folder += "ß";
  fs::path deep = folder_.path();
  for (int level = 0; level < 8; ++level) deep /= folder;
  fs::create_directories(deep);
  const auto expect_said = [&](std::int32_t status, const std::string& what) {
    EXPECT_EQ(status, LARS_ERR_IO);
    EXPECT_NE(message(trainee).find(what), std::string::npos) << message(trainee);
    EXPECT_NO_THROW(nlohmann::json(message(trainee)).dump()) << "not UTF-8: " << message(trainee);
  };
  const std::string nowhere = deep / "none" / "state";
  expect_said(lars_save(trainee.get(), nowhere.c_str()), "/none/state' is as it was");
  expect_said(lars_save(trainee.get(), nowhere.c_str()), "No such file or directory");
  expect_said(lars_load(trainee.get(), nowhere.c_str()), "/none/state': No such file or directory");
  expect_said(lars_save(trainee.get(), deep.c_str()), "is not a regular file; nothing was written");
  expect_said(lars_load(trainee.get(), deep.c_str()), "is not a regular file");
  const std::string file = deep / "state";
  write_file(file, "nothing");
  EXPECT_EQ(lars_load(trainee.get(), file.c_str()), LARS_ERR_FORMAT);
  EXPECT_NE(message(trainee).find("/state': 7 bytes are too few for a checkpoint"), std::string::npos)
      << message(trainee);
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
