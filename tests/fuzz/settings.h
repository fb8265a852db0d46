// Calls that set something, with arguments from an input.
#pragma once

#include <array>

#include "pair.h"
#include "schedules.h"

namespace lars_fuzz {

constexpr std::array<std::int32_t, 4> kTypes = {LARS_F32, LARS_F64, LARS_F16, LARS_BF16};
constexpr std::int32_t kLastKey = LARS_CLIP_VALUE;

constexpr int kMostCalls = 64;
constexpr int kUsualCalls = 12;

/// How one input is treated; drawn from its hash, because some looks take far longer than others.
struct Manner {
  int calls = kUsualCalls;
  bool closely = false;                        // with looks at the whole state, by a checkpoint
  bool resumes = false;                        // at the end a saved run goes on beside the one that was not
  bool files = false;                          // checkpoints go through files
  std::array<std::size_t, 2> many = {33, 70};  // elements of two sizes of tensors

  explicit Manner(std::uint32_t hash) {
    const auto one_in = [&](std::uint32_t count) {
      const bool chosen = hash % count == 0;
      hash /= count;
      return chosen;
    };
    closely = one_in(64);
    resumes = one_in(16);
    if (one_in(8)) calls = kMostCalls;
    if (one_in(64)) many[0] = 4099;  // more than a chunk
    files = one_in(64);              // which wait for the disk
    if (one_in(1024)) {              // two threads' worth, of which every look takes a while
      many[1] = 140001;
      calls = kUsualCalls;
      closely = false;
    }
  }
};

class Settings : protected Pair {
 protected:
  explicit Settings(Input& input) : input_(input) {}

  // ---- Hyper-parameters

  const char* some_selector() {
    constexpr std::array<const char*, 4> kSelectors = {nullptr, "*", "pa", "p?"};
    return kSelectors[input_.below(kSelectors.size())];
  }

  std::int32_t some_key() { return static_cast<std::int32_t>(input_.below(kLastKey + 2)); }

  void set() {
    const std::int32_t key = some_key();
    const double value = input_.number();
    const char* selector = some_selector();
    const std::int32_t status = both([=](Side& x) { return lars_set(x.optimizer, selector, key, value); });
    if (status == LARS_OK) expect_value(selector, key, value);
  }

  void set_small() {  // a run that can go on
    both([](Side& x) { return lars_set(x.optimizer, nullptr, LARS_LEARNING_RATE, 0.1); });
    expect_value(nullptr, LARS_LEARNING_RATE, 0.1);
  }

  void expect_value(const char* selector, std::int32_t key, double value) {
    const bool one = selector != nullptr && std::strcmp(selector, "pa") == 0;
    for (std::uint32_t i = 0; i < simd_.tensors.size(); ++i) {
      const char* name = nullptr;
      lars_parameter_info(simd_.optimizer, i, &name, nullptr, nullptr, nullptr);
      if (one && std::strcmp(name, "pa") != 0) continue;
      double got = NAN;
      require(lars_get(simd_.optimizer, i, key, &got) == LARS_OK && got == value, "what was set is got");
    }
  }

  void set_if() {
    const std::int32_t key = some_key();
    const double value = input_.number();
    std::int32_t answers = static_cast<std::int32_t>(input_.below(4));  // 2: fails; 3: every other
    const auto predicate = [](void* user, std::uint32_t index, const char*, std::int32_t, std::uint32_t,
                              const std::int64_t*) {
      const std::int32_t answer = *static_cast<std::int32_t*>(user);
      return answer == 3 ? static_cast<std::int32_t>(index % 2) : answer;
    };
    both([&](Side& x) { return lars_set_if(x.optimizer, predicate, &answers, key, value); });
  }

  void set_schedule() { set_schedule(some_key(), some_schedule(input_)); }
  void set_callback() { set_schedule(some_key(), some_callback(input_), true); }
  void set_schedule(std::int32_t key, lars_schedule* schedule, bool callback = false) {
    const char* selector = some_selector();
    const std::int32_t status =
        both([=](Side& x) { return lars_set_schedule(x.optimizer, selector, key, schedule); });
    if (status == LARS_OK && selector == nullptr) expect_schedule(key, schedule);
    callbacks_ = callbacks_ || (status == LARS_OK && callback);
    lars_schedule_destroy(schedule);
  }

  void expect_schedule(std::int32_t key, const lars_schedule* schedule) {
    for (std::uint32_t i = 0; i < simd_.tensors.size(); ++i) {
      std::uint64_t steps = 0;
      double expected = 0.0;
      double got = 0.0;
      lars_parameter_step_count(simd_.optimizer, i, &steps);
      if (lars_schedule_value(schedule, steps, &expected) != LARS_OK) continue;
      const std::int32_t status = lars_get(simd_.optimizer, i, key, &got);
      require(status == LARS_ERR_VALUE || (status == LARS_OK && got == expected),
              "what was scheduled is got");
    }
  }

  void set_variant() {
    const auto variant = static_cast<std::int32_t>(input_.below(7));
    both([=](Side& x) { return lars_set_variant(x.optimizer, variant); });
  }

  void set_recipe() {
    const std::uint64_t batch = input_.byte() * std::uint64_t{300};
    const std::uint64_t steps_per_epoch = input_.below(4);
    both([=](Side& x) { return lars_set_mlperf_resnet50(x.optimizer, batch, steps_per_epoch); });
  }

  void set_clip() {
    const double max_norm = input_.number();
    both([=](Side& x) { return lars_set_gradient_clip(x.optimizer, max_norm); });
  }

  void set_policy() {
    const auto policy = static_cast<std::int32_t>(input_.below(4));
    propagated_ =
        propagated_ || policy == LARS_NONFINITE_PROPAGATE;  // which NaN a NaN is, may differ from now on
    both([=](Side& x) { return lars_set_nonfinite_policy(x.optimizer, policy); });
  }

  void set_option() {
    const std::uint32_t choice = input_.below(6);
    both([=](Side& x) {
      switch (choice) {
        case 0: return lars_set_carry_norms(x.optimizer, 1);
        case 1: return lars_set_carry_norms(x.optimizer, 0);
        case 2: return lars_set_gradient_norms(x.optimizer, 1);
        case 3: return lars_discard_accumulated(x.optimizer);
        case 4: return lars_set_max_consecutive_skips(x.optimizer, 2);
        default: return lars_set_observer(x.optimizer, observe, &x);
      }
    });
  }

  static void observe(void* user, std::int32_t status, std::uint64_t /*steps*/, std::uint32_t count,
                      std::uint32_t quantity_count, const double* const* quantities) {
    auto& side = *static_cast<Side*>(user);
    require(count == side.tensors.size() && status >= 0, "an observer is told of all parameters");
    double sum = 0.0;
    for (std::uint32_t i = 0; i < count; ++i) sum += quantities[quantity_count - 1][i];
    side.notified += sum >= 0.0 ? 1 : 1000000;
  }

  void change_kernels() {
    constexpr std::array<const char*, 6> kNames = {"auto",      "simd",      "simd/SSE2",
                                                   "simd/SSE4", "simd/AVX2", "simd/AVX3"};
    lars_set_kernels(simd_.optimizer, kNames[input_.below(kNames.size())]);  // not every machine has all
  }

  // ---- Threads

  void set_threads() {
    constexpr std::array<std::uint32_t, 4> kThreads = {0, 1, 2, LARS_MAX_THREADS + 1};
    const std::uint32_t threads = kThreads[input_.below(kThreads.size())];
    both([=](Side& x) { return lars_set_threads(x.optimizer, threads); });
  }

  void set_pool() {
    static std::array<Pool, 5> pools = {Pool::backward, Pool::twice, Pool::forgets, Pool::fails,
                                        Pool::throws};
    Pool* const pool = &pools[input_.below(pools.size())];
    both([=](Side& x) { return lars_set_parallel_for(x.optimizer, run, pool, 2); });
  }

  /// A host's pools, good and bad, which only large tensors need.
  enum class Pool : std::uint8_t { backward, twice, forgets, fails, throws };
  static std::int32_t run(void* user, std::uint32_t count, lars_task task, void* context) {
    const Pool pool = *static_cast<const Pool*>(user);
    if (pool == Pool::forgets) return 0;
    if (pool == Pool::fails) return 1;
    for (std::uint32_t i = count; i-- > 0;) {
      task(context, i);
      if (pool == Pool::twice) task(context, i + 1);
      if (pool == Pool::throws) throw i;
    }
    return 0;
  }

  void set_type() {
    const std::int32_t type = kTypes[input_.below(kTypes.size())];
    const char* selector = some_selector();
    both([=](Side& x) { return lars_set_gradient_dtype(x.optimizer, selector, type); });
  }

  Input& input_;
  bool callbacks_ = false;  // schedules that a checkpoint cannot hold
};

}  // namespace lars_fuzz
