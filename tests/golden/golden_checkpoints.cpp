// Golden checkpoints: files of format 1, written once and committed, which every later version must load.
//
//   golden_checkpoints write FOLDER    writes them, and expected.json: a digest of what three further steps
//   give golden_checkpoints check FOLDER    loads each, takes the steps, compares
//
// Never write over committed files: add a folder for a new format.
#include <fmt/format.h>
#include <lars/lars.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/numbers.h"

namespace {

namespace fs = std::filesystem;
using lars_test::size_of_type;
using lars_test::write_number;

struct Tensor {
  const char* name;
  std::int32_t dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> parameter;
  std::vector<std::byte> gradient;
};

/// Numbers that any compiler makes alike.
void fill(std::vector<std::byte>& bytes, std::int32_t dtype, std::uint32_t seed) {
  for (std::size_t i = 0; i < bytes.size() / size_of_type(dtype); ++i) {
    seed = seed * 1664525U + 1013904223U;  // Numerical Recipes
    write_number(dtype, bytes.data(), i, static_cast<double>(seed >> 20U) / 1024.0 - 2.0);
  }
}

class Run {
 public:
  Run() {
    check(lars_create(&optimizer_));
    for (Tensor& tensor : tensors_) {
      std::size_t count = 1;
      for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
      tensor.parameter.resize(count * size_of_type(tensor.dtype));
      tensor.gradient.resize(tensor.parameter.size());
      check(lars_add_parameter(optimizer_, tensor.name, tensor.dtype,
                               static_cast<std::uint32_t>(tensor.shape.size()), tensor.shape.data(),
                               nullptr));
    }
    restart();
  }
  ~Run() { lars_destroy(optimizer_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  Run(Run&&) = delete;
  Run& operator=(Run&&) = delete;

  [[nodiscard]] lars_optimizer* get() const { return optimizer_; }

  void check(std::int32_t status) const {
    if (status != LARS_OK) {
      throw std::runtime_error(
          fmt::format("{}: {}", lars_status_name(status), lars_error_message(optimizer_)));
    }
  }

  /// Parameters as at the beginning; a checkpoint does not have them.
  void restart() {
    std::uint32_t seed = 1;
    for (Tensor& tensor : tensors_) fill(tensor.parameter, tensor.dtype, ++seed);
  }

  /// Micro-batches `first` to `last` - 1, and the steps that they complete.
  void train(std::uint32_t first, std::uint32_t last) {
    std::vector<void*> parameters;
    std::vector<const void*> gradients;
    for (Tensor& tensor : tensors_) {
      parameters.push_back(tensor.parameter.data());
      gradients.push_back(tensor.gradient.data());
    }
    for (std::uint32_t batch = first; batch < last; ++batch) {
      std::uint32_t seed = 1000 * batch;
      for (Tensor& tensor : tensors_) fill(tensor.gradient, tensor.dtype, ++seed);
      std::uint32_t accumulated = 0;
      std::uint32_t micro_batches = 0;
      check(lars_accumulate(optimizer_, parameters.data(), gradients.data()));
      check(lars_accumulated(optimizer_, &accumulated, &micro_batches));
      if (accumulated == micro_batches) check(lars_step_accumulated(optimizer_, parameters.data()));
    }
  }

  /// FNV-1a of all parameters.
  [[nodiscard]] std::string digest() const {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const Tensor& tensor : tensors_) {
      for (const std::byte byte : tensor.parameter)
        hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3U;
    }
    return fmt::format("{:016x}", hash);
  }

 private:
  lars_optimizer* optimizer_ = nullptr;
  std::vector<Tensor> tensors_ = {{"conv.weight", LARS_F32, {4, 3, 3, 3}, {}, {}},
                                  {"conv.bias", LARS_F32, {4}, {}, {}},
                                  {"half", LARS_F16, {7, 5}, {}, {}},
                                  {"brain", LARS_BF16, {9}, {}, {}},
                                  {"double", LARS_F64, {11}, {}, {}},
                                  {"empty", LARS_F32, {0, 2}, {}, {}},
                                  {"scalar", LARS_F64, {}, {}, {}}};
};

void set(const Run& run, const char* selector, std::int32_t key, std::int32_t (*make)(lars_schedule**)) {
  lars_schedule* schedule = nullptr;
  run.check(make(&schedule));
  run.check(lars_set_schedule(run.get(), selector, key, schedule));
  lars_schedule_destroy(schedule);
}

/// Every form that a schedule has in a file.
void schedule_everything(const Run& run) {
  set(run, nullptr, LARS_LEARNING_RATE, [](lars_schedule** schedule) {
    return lars_schedule_warmup_cosine_decay(0.0, 0.7, 2, 9, 0.01, 1.3, schedule);  // a join of two
  });
  set(run, "conv.*", LARS_WEIGHT_DECAY, [](lars_schedule** schedule) {
    const std::uint64_t boundaries[] = {1, 3};
    const double scales[] = {0.5, 0.1};
    return lars_schedule_piecewise_constant(0.02, 2, &boundaries[0], &scales[0], schedule);
  });
  set(run, "half", LARS_MOMENTUM, [](lars_schedule** schedule) {
    const std::uint64_t boundaries[] = {2, 8};
    const double scales[] = {0.9, 0.8};
    return lars_schedule_piecewise_interpolate(LARS_INTERPOLATE_COSINE, 0.9, 2, &boundaries[0], &scales[0],
                                               schedule);
  });
  set(run, "brain", LARS_EPS, [](lars_schedule** schedule) {
    const double least = 1e-3;
    return lars_schedule_exponential_decay(0.1, 3, 0.5, 1, 0, &least, schedule);
  });
  set(run, "double", LARS_GRADIENT_SCALE,
      [](lars_schedule** schedule) { return lars_schedule_polynomial(1.0, 0.25, 2.0, 6, 1, schedule); });
  set(run, "scalar", LARS_TRUST_COEFFICIENT,
      [](lars_schedule** schedule) { return lars_schedule_constant(0.01, schedule); });
}

using Configure = std::function<void(const Run&)>;

const std::map<std::string, Configure>& configurations() {
  static const auto variant = [](std::int32_t number) {
    return [number](const Run& run) { run.check(lars_set_variant(run.get(), number)); };
  };
  static const std::map<std::string, Configure> all = {
      {"optax", variant(LARS_VARIANT_OPTAX)},
      {"paper", variant(LARS_VARIANT_PAPER)},
      {"torch", variant(LARS_VARIANT_TORCH)},
      {"larc", variant(LARS_VARIANT_LARC)},
      {"barlow", variant(LARS_VARIANT_BARLOW)},
      {"tf", variant(LARS_VARIANT_TF)},
      {"schedules", schedule_everything},
      {"accumulation", [](const Run& run) { run.check(lars_set_accumulation(run.get(), 2)); }},
      {"clipping",
       [](const Run& run) {
         run.check(lars_set(run.get(), nullptr, LARS_CLIP_VALUE, 1.5));
         run.check(lars_set_gradient_clip(run.get(), 3.0));
         run.check(lars_set_nonfinite_policy(run.get(), LARS_NONFINITE_SKIP));
         run.check(lars_set_max_consecutive_skips(run.get(), 5));
         run.check(lars_set(run.get(), nullptr, LARS_DAMPENING, 0.1));
         run.check(lars_set(run.get(), "half", LARS_NESTEROV, 1));
       }},
  };
  return all;
}

constexpr std::uint32_t kSaved = 3;  // odd: in the middle of a batch of two micro-batches
constexpr std::uint32_t kLast = 7;

/// The digest after further steps from a checkpoint, parameters being as at the beginning.
std::string resumed(const fs::path& file) {
  Run run;
  run.check(lars_load(run.get(), file.string().c_str()));
  run.train(kSaved, kLast);
  return run.digest();
}

void write(const fs::path& folder) {
  nlohmann::json expected = nlohmann::json::object();
  for (const auto& [name, configure] : configurations()) {
    const fs::path file = folder / (name + ".safetensors");
    Run run;
    run.check(lars_set(run.get(), nullptr, LARS_LEARNING_RATE, 0.3));
    run.check(lars_set(run.get(), nullptr, LARS_WEIGHT_DECAY, 0.01));
    run.check(lars_set(run.get(), nullptr, LARS_TRUST_COEFFICIENT,
                       0.25));  // steps large enough to show their rounding
    configure(run);
    run.train(0, kSaved);
    run.check(lars_save(run.get(), file.string().c_str()));
    run.restart();
    run.check(lars_parameters_changed(run.get()));
    run.train(kSaved, kLast);  // without loading
    expected[name] = run.digest();
  }
  std::ofstream(folder / "expected.json") << expected.dump(2) << '\n';
}

int check(const fs::path& folder) {
  nlohmann::json expected;
  std::ifstream(folder / "expected.json") >> expected;
  int failures = 0;
  for (const auto& [name, digest] : expected.items()) {
    const std::string found = resumed(folder / (name + ".safetensors"));
    fmt::print("{:14} {} {}\n", name, found, found == digest ? "as expected" : "is not what it was");
    if (found != digest) ++failures;
  }
  return expected.size() < 9 || failures != 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string_view mode = argc == 3 ? argv[1] : "";
    if (mode == "check") return check(argv[2]);
    if (mode != "write") {
      fmt::print(stderr, "usage: golden_checkpoints write|check FOLDER\n");
      return 2;
    }
    write(argv[2]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "golden_checkpoints: {}\n", error.what());
    return 1;
  }
}
