// Writes the inputs from which the fuzzers start: checkpoints of every kind of state, and random sequences of
// calls.
//
//   fuzz_seeds FOLDER     into FOLDER/checkpoint and FOLDER/calls
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "checkpoint_handles.h"

namespace {

using lars_fuzz::Handle;
using lars_fuzz::require;

void write(const std::filesystem::path& folder, const std::string& name, const std::string& content) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << content;
}

void set_schedule(Handle& handle, std::int32_t key,
                  const std::function<std::int32_t(lars_schedule**)>& make) {
  lars_schedule* schedule = nullptr;
  require(make(&schedule) == LARS_OK, "a schedule is made");
  require(lars_set_schedule(handle.optimizer, nullptr, key, schedule) == LARS_OK, "a schedule is set");
  lars_schedule_destroy(schedule);
}

std::int32_t tenth(void* /*user*/, std::uint64_t /*step*/, double* value) {
  *value = 0.1;
  return 0;
}

/// Schedules of every form that a checkpoint knows.
void set_schedules(Handle& handle) {
  static const std::uint64_t boundaries[] = {3, 6};
  static const double scales[] = {0.5, 0.25};
  static const double least = 0.001;
  set_schedule(handle, LARS_LEARNING_RATE,
               [](auto** s) { return lars_schedule_warmup_cosine_decay(0.0, 0.5, 2, 9, 0.1, 1.5, s); });
  set_schedule(handle, LARS_WEIGHT_DECAY,
               [](auto** s) { return lars_schedule_piecewise_constant(0.02, 2, boundaries, scales, s); });
  set_schedule(handle, LARS_MOMENTUM, [](auto** s) {
    return lars_schedule_piecewise_interpolate(LARS_INTERPOLATE_COSINE, 0.9, 2, boundaries, scales, s);
  });
  set_schedule(handle, LARS_GRADIENT_SCALE,
               [](auto** s) { return lars_schedule_exponential_decay(1.0, 3, 0.7, 1, 1, &least, s); });
  set_schedule(handle, LARS_EPS, [](auto** s) { return lars_schedule_constant(1e-8, s); });
}

struct State {
  const char* name;
  std::function<void(Handle&)> reach;
};

const std::vector<State>& states() {
  static const std::vector<State> all = {
      {"fresh", [](Handle&) {}},
      {"stepped",
       [](Handle& h) {
         for (int i = 0; i < 3; ++i) h.step();
       }},
      {"schedules",
       [](Handle& h) {
         set_schedules(h);
         h.step();
       }},
      {"callback",
       [](Handle& h) {
         set_schedule(h, LARS_LEARNING_RATE,
                      [](auto** s) { return lars_schedule_callback(tenth, nullptr, s); });
         h.step();
       }},
      {"accumulating",
       [](Handle& h) {
         lars_set_accumulation(h.optimizer, 3);
         h.accumulate();
         h.accumulate();
       }},
      {"skipping",
       [](Handle& h) {
         lars_set_nonfinite_policy(h.optimizer, LARS_NONFINITE_SKIP);
         lars_set_max_consecutive_skips(h.optimizer, 3);
         lars_set_gradient_clip(h.optimizer, 0.5);
         h.step();
         h.first_gradient.fill(NAN);
         h.step();
       }},
      {"variant",
       [](Handle& h) {
         lars_set_variant(h.optimizer, LARS_VARIANT_LARC);
         lars_set(h.optimizer, "?", LARS_DAMPENING, 0.25);
         lars_set_mlperf_resnet50(h.optimizer, 4096, 2);
         h.step();
       }},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  for (int kind = 0; kind < lars_fuzz::kKinds; ++kind) {
    for (const State& state : states()) {
      Handle handle(kind);
      state.reach(handle);
      const std::string checkpoint = lars_fuzz::saved(handle.optimizer);
      write(folder / "checkpoint", state.name + std::to_string(kind), checkpoint);
      // One that contradicts itself, and whose checksums the fuzzer makes right.
      const std::string started = R"(started\":true)";
      const std::size_t place = checkpoint.find(started);
      if (place == std::string::npos) continue;
      std::string contradiction = checkpoint;
      contradiction.replace(place, started.size(), R"(started\":false)");
      write(folder / "checkpoint", state.name + std::to_string(kind) + "_not_started", contradiction);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    std::string bytes(10 + random() % 120, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    write(folder / "calls", "random" + std::to_string(i), bytes);
  }
  return 0;
}
