// A run that is killed at any moment, and begun again as docs/checkpoints.md says, ends with the bits of one
// that was not. saves_test.py kills it at system calls.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "faults/trainer.h"
#include "support/checkpoints.h"
#include "support/folder.h"

namespace lars_test {
namespace {

using Clock = std::chrono::steady_clock;

/// A process that trains in a folder, and leaves its digest there.
pid_t start(const Folder& folder, std::size_t scenario) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    write_file(folder.file("digest"), train(folder.path().string(), scenario));
    _exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(1);
  }
}

/// The status of a process when it has ended, killed after that time if it runs so long.
int end(pid_t child, std::chrono::microseconds until_killed) {
  std::this_thread::sleep_for(until_killed);
  kill(child, SIGKILL);
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

/// The status of a process that is left alone.
int end(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

class KilledRuns : public testing::TestWithParam<std::size_t> {};

TEST_P(KilledRuns, EndWithTheBitsOfOneThatWasNot) {
  constexpr int kKills = 12;       // in all
  constexpr int kKillsOfARun = 4;  // at most
  constexpr int kRuns = 200;       // of which so many are killed, however slow the machine is
  const std::size_t scenario = GetParam();
  const Folder undisturbed;
  const Clock::time_point begin = Clock::now();
  ASSERT_EQ(end(start(undisturbed, scenario)), 0);
  const std::chrono::duration<double, std::micro> duration = Clock::now() - begin;
  const std::string expected = read_file(undisturbed.file("digest"));
  ASSERT_EQ(expected.size(), 16U);

  std::mt19937_64 generator(scenario);
  std::uniform_real_distribution<double> moment(0.0, duration.count());
  int kills = 0;
  for (int run = 0; run < kRuns && kills < kKills; ++run) {
    const Folder folder;
    int status = -1;
    for (int killed = 0; killed < kKillsOfARun && status != 0; ++killed) {
      const std::chrono::microseconds until_killed(static_cast<std::int64_t>(moment(generator)));
      status = end(start(folder, scenario), until_killed);
      ASSERT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << status;
      kills += status == 0 ? 0 : 1;
    }
    if (status != 0) {
      ASSERT_EQ(end(start(folder, scenario)), 0);
    }
    ASSERT_EQ(read_file(folder.file("digest")), expected) << "run " << run;
  }
  EXPECT_GE(kills, kKills);
}

INSTANTIATE_TEST_SUITE_P(All, KilledRuns, testing::Range(std::size_t{0}, scenario_count()),
                         [](const auto& test) { return std::string(scenario_name(test.param)); });

}  // namespace
}  // namespace lars_test
