// lars-bench-checkpoints: times lars_save and lars_load of one model beside plain writes and reads of as many
// bytes.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lars/lars.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "floats.hpp"
#include "model.hpp"
#include "timed.hpp"

namespace lars_bench {
namespace {

namespace fs = std::filesystem;

/// A system call's result; an exception if it failed.
ssize_t checked(ssize_t result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

/// What write and read take at once, at most.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

/// An optimizer that has taken a step, and a file for its state.
class Saver {
 public:
  Saver(const Model& model, const fs::path& folder) : path_(folder / "lars-bench.safetensors") {
    std::vector<float> parameters(static_cast<std::size_t>(model.count()), 0.5F);
    std::vector<float> gradients(parameters.size(), 0.25F);
    for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] += 1e-3F * static_cast<float>(i % 1009);
    check(lars_create(&optimizer_));
    for (const Tensor& tensor : model.tensors) {
      check(lars_add_parameter(optimizer_, tensor.name.c_str(), LARS_F32,
                               static_cast<std::uint32_t>(tensor.shape.size()), tensor.shape.data(),
                               nullptr));
    }
    check(lars_set(optimizer_, nullptr, LARS_LEARNING_RATE, 0.1));
    check(lars_step_flat(optimizer_, parameters.data(), gradients.data()));
    check(lars_save_size(optimizer_, &bytes_));
    plain_ = state();
    std::memset(plain_.data(), 'x', bytes_);
    save();
    checked(rename(path_.c_str(), other().c_str()), "rename");
    save();
  }
  ~Saver() {
    lars_destroy(optimizer_);
    std::error_code ignored;
    fs::remove(path_, ignored);
    fs::remove(other(), ignored);
  }
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;
  Saver(Saver&&) = delete;
  Saver& operator=(Saver&&) = delete;

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  double save() {
    return timed([this] { check(lars_save(optimizer_, path_.c_str())); });
  }
  double load() {
    return timed([this] { check(lars_load(optimizer_, path_.c_str())); });
  }

  /// The same bytes, as durably: a file beside, fsync, rename.
  double write_plainly() {
    return timed([this] {
      const std::string beside = other().string() + ".tmp";
      const int file =
          static_cast<int>(checked(open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), "open"));
      for (std::size_t done = 0; done < bytes_;) {
        const std::size_t part = std::min<std::size_t>(bytes_ - done, kMostAtOnce);
        done += static_cast<std::size_t>(checked(write(file, plain_bytes(plain_) + done, part), "write"));
      }
      checked(fsync(file), "fsync");
      close(file);
      checked(rename(beside.c_str(), other().c_str()), "rename");
    });
  }
  /// Into new memory that takes the place of the old, in huge pages, as loading does.
  double read_plainly() {
    return timed([this] {
      const int file = static_cast<int>(checked(open(other().c_str(), O_RDONLY), "open"));
      Floats memory = state();
      for (std::size_t done = 0; done < bytes_;) {
        const std::size_t part = std::min<std::size_t>(bytes_ - done, kMostAtOnce);
        done += static_cast<std::size_t>(checked(read(file, plain_bytes(memory) + done, part), "read"));
      }
      close(file);
      plain_ = std::move(memory);
    });
  }

 private:
  static char* plain_bytes(const Floats& memory) { return reinterpret_cast<char*>(memory.data()); }
  [[nodiscard]] Floats state() const { return {static_cast<std::int64_t>(bytes_ / sizeof(float) + 1), true}; }
  [[nodiscard]] fs::path other() const { return path_.string() + ".plain"; }
  void check(std::int32_t status) const {
    if (status != LARS_OK) {
      throw std::runtime_error(
          fmt::format("{}: {}", lars_status_name(status), lars_error_message(optimizer_)));
    }
  }

  fs::path path_;
  lars_optimizer* optimizer_ = nullptr;
  std::uint64_t bytes_ = 0;
  Floats plain_;
};

void run(const std::string& model_name, const fs::path& folder) {
  const Model model = make_model(model_name, LARS_BENCH_TABLES);
  Saver saver(model, folder);
  benchmark::AddCustomContext("model", model.name);
  benchmark::AddCustomContext("parameters", fmt::format("{}", model.count()));
  benchmark::AddCustomContext("tensors", fmt::format("{}", model.tensors.size()));
  benchmark::AddCustomContext("bytes", fmt::format("{}", saver.bytes()));
  const auto add = [&]([[maybe_unused]] const char* name, [[maybe_unused]] double (Saver::*timed_call)()) {
#ifndef __clang_analyzer__  // which takes what Google Benchmark keeps for a leak
    const auto body = [&saver, timed_call](benchmark::State& state) {
      for (auto _ : state) state.SetIterationTime((saver.*timed_call)());
      state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(saver.bytes()));
    };
    benchmark::RegisterBenchmark(fmt::format("{}/{}/threads:1", model.name, name).c_str(), body)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
#endif
  };
  add("lars_save", &Saver::save);
  add("plain writes", &Saver::write_plainly);
  add("lars_load", &Saver::load);
  add("plain reads", &Saver::read_plainly);
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace lars_bench

int main(int argc, char** argv) {
  try {
    benchmark::Initialize(&argc, argv);  // takes its own options out
    std::string model = "resnet50";
    std::string folder = ".";
    CLI::App app(
        "Times saving and loading a model's state. Options of Google Benchmark are understood, too.");
    app.add_option("--model", model, "as lars-bench takes it")->capture_default_str();
    app.add_option("--folder", folder, "where the files are written")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    lars_bench::run(model, folder);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lars-bench-checkpoints: {}\n", error.what());
    return 1;
  }
}
