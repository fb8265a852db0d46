// The file of a checkpoint: what it is, how it is replaced, and that whatever is wrong with it is found.
#include <gtest/gtest.h>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#endif

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

namespace fs = std::filesystem;

// ---- The file -------------------------------------------------------------------------------------------

TEST_F(Checkpoints, FileIsASafetensorsFile) {
  Trainee trainee = make_trainee([](Trainee& t) { expect_ok(lars_set_accumulation(t.get(), 2), t); });
  train(trainee, 0, 3, 2);
  const std::string file = saved(trainee);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  EXPECT_EQ(length % 8, 0U);
  const auto header = nlohmann::json::parse(file.substr(8, length));
  EXPECT_EQ(header["__metadata__"]["format"], "liblars");
  EXPECT_EQ(header["__metadata__"]["format_version"], "1");
  EXPECT_EQ(header["double.momentum"]["dtype"], "F64");
  EXPECT_EQ(header["half.master"]["dtype"], "F32");
  EXPECT_EQ(header["half.master"]["shape"], (std::vector<int>{33, 7}));
  EXPECT_EQ(header["brain.master_lower"]["dtype"], "I16");
  EXPECT_EQ(header["brain.accumulator"]["dtype"], "F32");
  EXPECT_EQ(header["scalar.momentum"]["shape"], std::vector<int>());
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    const std::uint64_t size = tensor["dtype"] == "F64" ? 8 : tensor["dtype"] == "F32" ? 4 : 2;
    EXPECT_EQ(tensor["data_offsets"][0].get<std::uint64_t>() % size, 0U) << name;
  }
}

TEST_F(Checkpoints, SavingReplacesTheFile) {
  Trainee trainee = make_trainee([](Trainee&) {});
  write_file(path(), "old");
  expect_ok(lars_save(trainee.get(), path().c_str()), trainee);
  EXPECT_EQ(read_file(path()), saved(trainee));
  const fs::directory_iterator files(folder_.path());
  EXPECT_EQ(std::distance(files, fs::directory_iterator()), 1) << "something is left over";
}

TEST_F(Checkpoints, PathsAreUtf8) {
  Trainee trainee = make_trainee([](Trainee&) {});
  const fs::path file = folder_.path() / fs::path(u8"größe 大きさ");
  const std::u8string name = file.u8string();
  const std::string bytes(name.begin(), name.end());
  expect_ok(lars_save(trainee.get(), bytes.c_str()), trainee);
  EXPECT_TRUE(fs::exists(file));
  Trainee other = make_trainee([](Trainee&) {});
  expect_ok(lars_load(other.get(), bytes.c_str()), other);
#ifdef _WIN32
  EXPECT_EQ(lars_save(trainee.get(), (path() + "\xff").c_str()), LARS_ERR_IO);
  EXPECT_STREQ(lars_error_message(trainee.get()), "the path is not UTF-8, which it must be on Windows");
#endif
}

#ifdef _WIN32
/// Opens a file as programs do that read it and think of nobody else: it cannot be replaced meanwhile.
HANDLE open_alone(const std::string& path) {
  return CreateFileW(fs::path(path).c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING,
                     FILE_ATTRIBUTE_NORMAL, nullptr);
}

TEST_F(Checkpoints, SavingWaitsForWhoHasTheFileOpenForAMoment) {
  Trainee trainee = make_trainee([](Trainee&) {});
  write_file(path(), "old");
  const HANDLE reader = open_alone(path());
  ASSERT_NE(reader, INVALID_HANDLE_VALUE);
  std::thread closer([reader] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CloseHandle(reader);
  });
  expect_ok(lars_save(trainee.get(), path().c_str()), trainee);
  closer.join();
  EXPECT_EQ(read_file(path()), saved(trainee));
}

TEST_F(Checkpoints, SavingGivesUpOnWhoKeepsTheFileOpen) {
  Trainee trainee = make_trainee([](Trainee&) {});
  write_file(path(), "old");
  const HANDLE reader = open_alone(path());
  ASSERT_NE(reader, INVALID_HANDLE_VALUE);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(lars_save(trainee.get(), path().c_str()), LARS_ERR_IO);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  EXPECT_NE(message(trainee).find("cannot rename"), std::string::npos) << message(trainee);
  CloseHandle(reader);
  EXPECT_EQ(read_file(path()), "old");
  const fs::directory_iterator files(folder_.path());
  EXPECT_EQ(std::distance(files, fs::directory_iterator()), 1) << "something is left over";
}
#endif

TEST_F(Checkpoints, PathsThatLeadNowhere) {
  Trainee trainee = make_trainee([](Trainee&) {});
  EXPECT_EQ(lars_save(trainee.get(), path("none/state").c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("cannot create"), std::string::npos) << message(trainee);
  EXPECT_EQ(lars_save(trainee.get(), folder_.path().string().c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("is not a regular file"), std::string::npos) << message(trainee);
  EXPECT_EQ(lars_load(trainee.get(), path("none").c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("cannot open"), std::string::npos) << message(trainee);
  EXPECT_EQ(lars_load(trainee.get(), folder_.path().string().c_str()), LARS_ERR_IO);
  EXPECT_NE(message(trainee).find("is not a regular file"), std::string::npos) << message(trainee);
}

TEST_F(Checkpoints, SizeOfTheBufferIsChecked) {
  Trainee trainee = make_trainee([](Trainee&) {});
  std::string buffer = saved(trainee);
  EXPECT_EQ(lars_save_to(trainee.get(), buffer.data(), buffer.size() - 1), LARS_ERR_VALUE);
  EXPECT_EQ(lars_save_to(trainee.get(), buffer.data(), buffer.size() + 1), LARS_ERR_VALUE);
  EXPECT_NE(message(trainee).find(std::to_string(buffer.size())), std::string::npos);
}

// ---- Damage ---------------------------------------------------------------------------------------------

TEST_F(Checkpoints, EveryFlippedBitOfTheHeaderAndSomeOfEveryTensorAreFound) {
  const std::vector<TensorSpec> specs = {{"w", LARS_F32, {5, 3}}, {"h", LARS_F16, {9}}};
  Trainee trainee = make_trainee([](Trainee&) {}, specs);
  train(trainee, 0, 2, 1);
  const std::string checkpoint = saved(trainee);
  std::uint64_t length = 0;
  std::memcpy(&length, checkpoint.data(), sizeof length);
  Trainee victim(specs);
  const std::string before = saved(victim);
  for (std::size_t byte = 0; byte < checkpoint.size(); ++byte) {
    const bool in_header = byte < sizeof length + length;
    for (std::size_t bit = in_header ? 0 : byte % 8; bit < (in_header ? 8 : byte % 8 + 1); ++bit) {
      std::string damaged = checkpoint;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      const std::int32_t status = load(victim, damaged);
      ASSERT_TRUE(status == LARS_ERR_FORMAT || status == LARS_ERR_MISMATCH)
          << byte << ", " << bit << ": " << message(victim);
      ASSERT_EQ(saved(victim), before) << byte << ", " << bit;
    }
  }
}

TEST_F(Checkpoints, EveryTruncationAndExtensionIsFound) {
  const std::vector<TensorSpec> specs = {{"w", LARS_F32, {5, 3}}};
  Trainee trainee = make_trainee([](Trainee&) {}, specs);
  const std::string checkpoint = saved(trainee);
  for (std::size_t size = 0; size < checkpoint.size(); ++size) {
    // A buffer of its own, so that AddressSanitizer sees what is read beyond.
    const std::vector<char> part(checkpoint.begin(), checkpoint.begin() + static_cast<std::ptrdiff_t>(size));
    const char nothing = 0;
    EXPECT_EQ(lars_load_from(trainee.get(), part.empty() ? &nothing : part.data(), size), LARS_ERR_FORMAT)
        << size;
    write_file(path(), checkpoint.substr(0, size));
    EXPECT_EQ(lars_load(trainee.get(), path().c_str()), LARS_ERR_FORMAT) << size;
  }
  expect_refused(trainee, checkpoint + '\0', LARS_ERR_FORMAT, "truncated or has more");
}

TEST_F(Checkpoints, OfOtherParametersSayWhichDiffer) {
  Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2, 3}}, {"b", LARS_F32, {3}}});
  const std::string checkpoint = saved(trainee);
  Trainee shape({{"w", LARS_F32, {3, 2}}, {"b", LARS_F32, {3}}});
  expect_refused(shape, checkpoint, LARS_ERR_MISMATCH,
                 "'w' has the shape [2,3] in the checkpoint and [3,2] here");
  Trainee type({{"w", LARS_F32, {2, 3}}, {"b", LARS_F64, {3}}});
  expect_refused(type, checkpoint, LARS_ERR_MISMATCH, "'b' is F32 in the checkpoint and F64 here");
  Trainee fewer({{"w", LARS_F32, {2, 3}}});
  expect_refused(fewer, checkpoint, LARS_ERR_MISMATCH,
                 "it has a parameter 'b', which this optimizer has not");
  Trainee more({{"w", LARS_F32, {2, 3}}, {"b", LARS_F32, {3}}, {"c", LARS_F32, {1}}});
  expect_refused(more, checkpoint, LARS_ERR_MISMATCH, "it has no parameter 'c', which this optimizer has");
}

TEST_F(Checkpoints, NamesMayBeAnyThatParametersHave) {
  Trainee spoken = make_trainee([](Trainee&) {}, {{"\"\\ß\u2028", LARS_F32, {2}}});
  expect_ok(load(spoken, saved(spoken)), spoken);
}

TEST_F(Checkpoints, WorkWithoutParameters) {
  Trainee trainee({});
  expect_ok(load(trainee, saved(trainee)), trainee);
}

}  // namespace
}  // namespace lars_test
