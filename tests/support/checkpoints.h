// What the tests of checkpoints share.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/folder.h"
#include "support/trainee.h"

namespace lars_test {

/// A test with a folder of its own.
class Checkpoints : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const char* name = "state.safetensors") const { return folder_.file(name); }

  Folder folder_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline void expect_ok(std::int32_t status, const Trainee& trainee) {
  EXPECT_EQ(status, LARS_OK) << lars_error_message(trainee.get());
}

/// The state in memory, which is what lars_save writes.
inline std::string saved(const Trainee& trainee) {
  std::uint64_t bytes = 0;
  expect_ok(lars_save_size(trainee.get(), &bytes), trainee);
  std::string buffer(bytes, '\0');
  expect_ok(lars_save_to(trainee.get(), buffer.data(), bytes), trainee);
  return buffer;
}

inline std::int32_t load(const Trainee& trainee, const std::string& checkpoint) {
  return lars_load_from(trainee.get(), checkpoint.data(), checkpoint.size());
}

inline std::string message(const Trainee& trainee) { return lars_error_message(trainee.get()); }

/// Refused with that status and text, and the handle goes on as if nothing had happened.
inline void expect_refused(const Trainee& trainee, const std::string& checkpoint, std::int32_t status,
                           const std::string& text) {
  const std::string before = saved(trainee);
  EXPECT_EQ(load(trainee, checkpoint), status) << message(trainee);
  EXPECT_NE(message(trainee).find(text), std::string::npos) << message(trainee);
  EXPECT_EQ(saved(trainee), before);
}

/// A safetensors file of that header.
inline std::string safetensors_file(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string prefix(sizeof length, '\0');
  std::memcpy(prefix.data(), &length, sizeof length);
  return prefix + header + data;
}

inline std::vector<TensorSpec> all_types() {
  return {{"half", LARS_F16, {33, 7}}, {"single", LARS_F32, {4096 + 5}}, {"double", LARS_F64, {3, 5}},
          {"brain", LARS_BF16, {127}}, {"empty", LARS_F32, {0, 3}},      {"scalar", LARS_F32, {}}};
}

using Configure = std::function<void(Trainee&)>;

inline Trainee make_trainee(const Configure& configure, std::vector<TensorSpec> specs = all_types()) {
  Trainee trainee(std::move(specs));
  trainee.set(LARS_LEARNING_RATE, 0.4);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  configure(trainee);
  return trainee;
}

/// Micro-batches first to last - 1 of a run, and the steps that they complete.
inline void train(Trainee& trainee, int first, int last, int micro_batches) {
  for (int i = first; i < last; ++i) {
    trainee.draw_gradients(static_cast<std::uint64_t>(i));
    if (micro_batches == 1) {
      expect_ok(trainee.step(), trainee);
    } else {
      expect_ok(trainee.accumulate(), trainee);
      if (i % micro_batches == micro_batches - 1) expect_ok(trainee.step_accumulated(), trainee);
    }
  }
}

}  // namespace lars_test
