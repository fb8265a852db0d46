// The recipe of docs/checkpoints.md, "Parameters and state", to the letter.
#include "faults/trainer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lars/lars.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "support/numbers.h"

namespace lars_test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSteps = 8;
constexpr int kCallsPerSave = 2;  // so that batches of three are saved at every stage

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

// ---- Scenarios ------------------------------------------------------------------------------------------

struct Scenario {
  const char* name;
  std::int32_t variant;
  std::uint32_t micro_batches;
  bool scheduled;
  bool clipped;
  bool skips;
};

constexpr std::array<Scenario, 9> kScenarios = {{{"plain", LARS_VARIANT_OPTAX, 1, false, false, false},
                                                 {"accumulated", LARS_VARIANT_OPTAX, 3, true, false, false},
                                                 {"clipped", LARS_VARIANT_OPTAX, 1, true, true, false},
                                                 {"skipping", LARS_VARIANT_OPTAX, 1, true, false, true},
                                                 {"paper", LARS_VARIANT_PAPER, 2, true, false, false},
                                                 {"torch", LARS_VARIANT_TORCH, 1, true, false, false},
                                                 {"larc", LARS_VARIANT_LARC, 3, false, false, false},
                                                 {"barlow", LARS_VARIANT_BARLOW, 1, true, false, false},
                                                 {"tf", LARS_VARIANT_TF, 1, true, false, false}}};

// ---- The run --------------------------------------------------------------------------------------------

struct Tensor {
  const char* name;
  std::int32_t dtype;
  std::int64_t count;
  std::vector<std::byte> parameter;
  std::vector<std::byte> gradient;
};

/// Noise from -1 to 1, of numbers that any compiler makes alike.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(static_cast<std::uint32_t>(seed)) {}
  double next() {
    state_ = state_ * 1664525U + 1013904223U;  // Numerical Recipes
    return static_cast<double>(state_ >> 16U) / 32768.0 - 1.0;
  }

 private:
  std::uint32_t state_;
};

class Run {
 public:
  Run(fs::path folder, const Scenario& scenario) : folder_(std::move(folder)), scenario_(scenario) {
    check(lars_create(&optimizer_));
    check(lars_set_threads(optimizer_, 1));
    for (Tensor& tensor : tensors_) {
      const auto bytes = static_cast<std::size_t>(tensor.count) * size_of_type(tensor.dtype);
      tensor.parameter.resize(bytes);
      tensor.gradient.resize(bytes);
      check(lars_add_parameter(optimizer_, tensor.name, tensor.dtype, 1, &tensor.count, nullptr));
      parameters_.push_back(tensor.parameter.data());
      gradients_.push_back(tensor.gradient.data());
    }
  }
  ~Run() { lars_destroy(optimizer_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  Run(Run&&) = delete;
  Run& operator=(Run&&) = delete;

  void to_the_end() {
    if (fs::exists(state_path()))
      resume();
    else
      begin();
    for (int calls = 1; place().steps < kSteps; ++calls) {
      take_part_of_a_step();
      if (calls % kCallsPerSave == 0) save();
    }
  }

  [[nodiscard]] std::string digest() const {
    std::uint64_t bytes = 0;
    check(lars_save_size(optimizer_, &bytes));
    std::vector<std::byte> state(bytes);
    check(lars_save_to(optimizer_, state.data(), bytes));
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    const auto add = [&](const std::vector<std::byte>& content) {
      for (const std::byte byte : content) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3U;
    };
    for (const Tensor& tensor : tensors_) add(tensor.parameter);
    add(state);
    return fmt::format("{:016x}", hash);
  }

 private:
  void check(std::int32_t status) const {
    require(status == LARS_OK,
            fmt::format("{}: {}", lars_status_name(status),
                        optimizer_ == nullptr ? "no optimizer" : lars_error_message(optimizer_)));
  }

  /// Where the run is: all that tells one of its calls from another.
  struct Place {
    std::uint64_t steps = 0;
    std::uint32_t accumulated = 0;
    std::uint64_t skips = 0;
  };
  [[nodiscard]] Place place() const {
    Place place;
    check(lars_step_count(optimizer_, &place.steps));
    check(lars_accumulated(optimizer_, &place.accumulated, nullptr));
    check(lars_skip_count(optimizer_, nullptr, &place.skips));
    return place;
  }

  void begin() {
    Noise noise(1);
    for (Tensor& tensor : tensors_) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.count); ++i)
        write_number(tensor.dtype, tensor.parameter.data(), i, noise.next());
    }
    check(lars_set_variant(optimizer_, scenario_.variant));
    check(lars_set_accumulation(optimizer_, scenario_.micro_batches));
    check(lars_set(optimizer_, nullptr, LARS_LEARNING_RATE, 0.7));
    check(lars_set(optimizer_, nullptr, LARS_WEIGHT_DECAY, 0.01));
    check(lars_set(optimizer_, "half", LARS_MOMENTUM, 0.8));
    if (scenario_.scheduled) {
      lars_schedule* schedule = nullptr;
      check(lars_schedule_warmup_cosine_decay(0.0, 0.9, 3, kSteps, 0.01, 1.2, &schedule));
      const std::int32_t status = lars_set_schedule(optimizer_, nullptr, LARS_LEARNING_RATE, schedule);
      lars_schedule_destroy(schedule);
      check(status);
    }
    if (scenario_.skips) check(lars_set_nonfinite_policy(optimizer_, LARS_NONFINITE_SKIP));
    if (scenario_.clipped) {
      check(lars_set(optimizer_, nullptr, LARS_CLIP_VALUE, 0.6));
      check(lars_set_gradient_clip(optimizer_, 1.5));
    }
  }

  /// The next call of a step: its only one, a micro-batch, or the end of a batch. Which it is, and of which
  /// gradients, follows from the place alone.
  void take_part_of_a_step() {
    const Place here = place();
    if (here.accumulated == scenario_.micro_batches) {
      check(lars_step_accumulated(optimizer_, parameters_.data()));
      return;
    }
    Noise noise(here.steps * 10000 + here.accumulated * 100 + here.skips);
    for (Tensor& tensor : tensors_) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.count); ++i) {
        const double parameter = read_number(tensor.dtype, tensor.parameter.data(), i);
        write_number(tensor.dtype, tensor.gradient.data(), i, 0.3 * parameter + noise.next());
      }
    }
    if (scenario_.micro_batches > 1) {
      check(lars_accumulate(optimizer_, parameters_.data(), gradients_.data()));
      return;
    }
    const bool overflows = scenario_.skips && here.steps % 4 == 1 && here.skips <= here.steps / 2;
    if (overflows) write_number(LARS_F64, tensors_[1].gradient.data(), 0, INFINITY);
    const std::int32_t status = lars_step(optimizer_, parameters_.data(), gradients_.data());
    check(overflows && status == LARS_SKIPPED ? LARS_OK : status);
  }

  // ---- The recipe

  [[nodiscard]] fs::path state_path() const { return folder_ / "state.safetensors"; }
  [[nodiscard]] fs::path parameters_path() const {
    const Place here = place();
    return folder_ / fmt::format("parameters.{}.{}.{}", here.steps, here.accumulated, here.skips);
  }

  void save() {
    // 1. The parameters, under the name of their place, durably.
    const fs::path path = parameters_path();
    fs::path temporary = path;
    temporary += ".tmp";
    {
      std::ofstream file(temporary, std::ios::binary);
      for (const Tensor& tensor : tensors_) {
        file.write(reinterpret_cast<const char*>(tensor.parameter.data()),
                   static_cast<std::streamsize>(tensor.parameter.size()));
      }
      require(static_cast<bool>(file.flush()), "parameters could not be written");
    }
    synchronize(temporary);
    fs::rename(temporary, path);
    synchronize(folder_);
    // 2. The state: from here on the new parameters are those that count.
    check(lars_save(optimizer_, state_path().c_str()));
    // 3. What is of no use any more.
    std::vector<fs::path> old;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (entry.path() != path && (name.starts_with("parameters.") || name.ends_with(".tmp")))
        old.push_back(entry.path());
    }
    for (const fs::path& file : old) fs::remove(file);
  }

  void resume() {
    check(lars_load(optimizer_, state_path().c_str()));
    std::ifstream file(parameters_path(), std::ios::binary);
    for (Tensor& tensor : tensors_) {
      file.read(reinterpret_cast<char*>(tensor.parameter.data()),
                static_cast<std::streamsize>(tensor.parameter.size()));
    }
    require(file && file.peek() == std::ifstream::traits_type::eof(),
            fmt::format("'{}' is not whole", parameters_path().string()));
  }

  static void synchronize(const fs::path& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    require(descriptor >= 0, path.string());
    const bool done = fsync(descriptor) == 0;
    close(descriptor);
    require(done, path.string());
  }

  fs::path folder_;
  const Scenario& scenario_;
  lars_optimizer* optimizer_ = nullptr;
  std::vector<Tensor> tensors_ = {{"single", LARS_F32, 900, {}, {}},
                                  {"double", LARS_F64, 70, {}, {}},
                                  {"half", LARS_F16, 333, {}, {}},
                                  {"brain", LARS_BF16, 255, {}, {}}};
  std::vector<void*> parameters_;
  std::vector<const void*> gradients_;
};

}  // namespace

std::size_t scenario_count() { return kScenarios.size(); }

const char* scenario_name(std::size_t scenario) { return kScenarios.at(scenario).name; }

std::string train(const std::string& folder, std::size_t scenario) {
  Run run(folder, kScenarios.at(scenario));
  run.to_the_end();
  return run.digest();
}

}  // namespace lars_test
