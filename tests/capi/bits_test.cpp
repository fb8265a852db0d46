// The same bits, whatever runs the step: instruction sets, threads, a host's pool, alignment, order of
// parameters, form of the call, policy. And the same on every machine: the digests below are those of all of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// A pair of element types, and the digest of the training run below.
struct Pair {
  const char* name;
  std::int32_t parameter;
  std::int32_t gradient;
  std::uint64_t digest;
};

const Pair kPairs[] = {
    {"f32_f32", LARS_F32, LARS_F32, 0x388217baad249962U},
    {"f32_f16", LARS_F32, LARS_F16, 0xcd0b4b3f660da46fU},
    {"f32_bf16", LARS_F32, LARS_BF16, 0x8a71ef6255a8a945U},
    {"f16_f16", LARS_F16, LARS_F16, 0x7573ff0344c03ad5U},
    {"f16_f32", LARS_F16, LARS_F32, 0xba08a4180dca316dU},
    {"bf16_bf16", LARS_BF16, LARS_BF16, 0xc1af4a00c1678a4fU},
    {"bf16_f32", LARS_BF16, LARS_F32, 0x3c51d8a44edb663dU},
    {"f64_f64", LARS_F64, LARS_F64, 0x82932c489f5b83feU},
};

struct Tensor {
  const char* name;
  std::size_t count;
};

/// Enough elements for eight threads, in tensors that are ragged in every way: less than a row of 16, less
/// than a chunk, some chunks, some segments; and none.
constexpr Tensor kTensors[] = {{"scale", 1},       {"bias", 3},      {"empty", 0},
                               {"row", 64},        {"chunks", 8229}, {"chunk", 4096},
                               {"small.a", 1700},  {"small.b", 333}, {"segments", 2 * 65536 + 4097},
                               {"segment", 65536}, {"large", 330001}};
constexpr std::size_t kCount = std::size(kTensors);
constexpr std::uint64_t kSteps = 3;

std::uint64_t splitmix64(std::uint64_t state) {
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31);
}

/// Numbers in [-1, 1) of so many bits, times 2^exponent: exact, so that every machine makes the same ones.
Bytes make_exact_numbers(std::int32_t dtype, std::size_t count, std::uint64_t seed, int exponent) {
  const int bits = dtype == LARS_F16 ? 11 : dtype == LARS_BF16 ? 8 : 24;
  Bytes bytes(count * size_of_type(dtype));
  for (std::size_t i = 0; i < count; ++i) {
    const auto integer = static_cast<std::int64_t>(splitmix64(seed * 0x9E3779B97F4A7C15U + i)) >> (64 - bits);
    write_number(dtype, bytes.data(), i, std::ldexp(static_cast<double>(integer), exponent - bits + 1));
  }
  return bytes;
}

/// The same, made once in a process: every way of a test trains on the same numbers, and making them takes
/// longer than training.
const Bytes& exact_numbers(std::int32_t dtype, std::size_t count, std::uint64_t seed, int exponent) {
  static std::map<std::tuple<std::int32_t, std::size_t, std::uint64_t, int>, Bytes> made;
  const auto [entry, is_new] = made.try_emplace({dtype, count, seed, exponent});
  if (is_new) entry->second = make_exact_numbers(dtype, count, seed, exponent);
  return entry->second;
}

/// How a run differs from the plain one.
struct Way {
  std::string kernels = "auto";
  std::uint32_t threads = 1;
  lars_parallel_for pool = nullptr;
  std::size_t misalignment = 0;  // elements by which buffers are off a multiple of 64 bytes
  enum { in_order, backward, interleaved } order = in_order;
  enum { step, flat, by_parameter, update, accumulated } form = step;
  std::int32_t policy = LARS_NONFINITE_REFUSE;
  bool carry = false;
};

std::vector<std::size_t> ordered(const Way& way) {
  std::vector<std::size_t> order(kCount);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (way.order == Way::backward) std::reverse(order.begin(), order.end());
  if (way.order == Way::interleaved) {
    std::stable_partition(order.begin(), order.end(), [](std::size_t i) { return i % 2 == 1; });
  }
  return order;
}

/// Copies of parts in one buffer, each moved off alignment, or end to end.
class Placed {
 public:
  Placed(const std::vector<Bytes>& parts, std::size_t misalignment, std::size_t element_size, bool end_to_end)
      : parts_(parts.size()) {
    std::size_t total = 64;
    for (const Bytes& part : parts) total += part.size() + 128;
    memory_.resize(total);
    auto* next = memory_.data() + (-reinterpret_cast<std::uintptr_t>(memory_.data()) % 64) +
                 misalignment * element_size;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::copy(parts[i].begin(), parts[i].end(), next);
      parts_[i] = next;
      next += parts[i].size();
      if (!end_to_end) next += -(reinterpret_cast<std::uintptr_t>(next) - misalignment * element_size) % 64;
    }
  }
  [[nodiscard]] std::byte* part(std::size_t i) const { return parts_[i]; }
  [[nodiscard]] const std::vector<std::byte*>& parts() const { return parts_; }

 private:
  Bytes memory_;
  std::vector<std::byte*> parts_;
};

/// FNV-1a, 64 bits.
class Digest {
 public:
  void add(const void* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      value_ = (value_ ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001B3U;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

class Training {
 public:
  Training(const Pair& pair, const Way& way) : pair_(pair), way_(way), order_(ordered(way)) {
    for (const std::size_t i : order_) {
      const auto count = static_cast<std::int64_t>(kTensors[i].count);
      expect_ok(lars_add_parameter(get(), kTensors[i].name, pair.parameter, 1, &count, nullptr));
    }
    expect_ok(lars_set_gradient_dtype(get(), nullptr, pair.gradient));
    const ScheduleHandle warmup = make_schedule(lars_schedule_linear, 0.5, 4.0, 2, 0);
    expect_ok(lars_set_schedule(get(), nullptr, LARS_LEARNING_RATE, warmup.get()));
    expect_ok(lars_set(get(), nullptr, LARS_WEIGHT_DECAY, 0.0123));
    expect_ok(lars_set(get(), "small.*", LARS_WEIGHT_DECAY_MASK, 0));
    expect_ok(lars_set(get(), "bias", LARS_TRUST_RATIO_MASK, 0));
    expect_ok(lars_set(get(), "bias", LARS_LEARNING_RATE, 0.01));
    expect_ok(lars_set(get(), nullptr, LARS_GRADIENT_SCALE, 0.7));
    expect_ok(lars_set(get(), "s*", LARS_NESTEROV, 1));
    expect_ok(lars_set_nonfinite_policy(get(), way.policy));
    expect_ok(lars_set_carry_norms(get(), way.carry ? 1 : 0));
    expect_ok(way.pool == nullptr ? lars_set_threads(get(), way.threads)
                                  : lars_set_parallel_for(get(), way.pool, nullptr, way.threads));
  }

  /// False if this processor has no such kernels.
  bool choose_kernels() { return lars_set_kernels(get(), way_.kernels.c_str()) == LARS_OK; }

  /// The digest of all parameters and their last norms, in the order of kTensors.
  std::uint64_t digest() {
    std::vector<Bytes> start;
    for (const std::size_t i : order_) {
      start.push_back(exact_numbers(pair_.parameter, kTensors[i].count, i + 1, -static_cast<int>(i % 5)));
    }
    const bool flat = way_.form == Way::flat;
    const Placed parameters(start, way_.misalignment, size_of_type(pair_.parameter), flat);
    for (std::uint64_t step = 0; step < kSteps; ++step) take_step(parameters, step);
    Digest digest;
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto position =
          static_cast<std::size_t>(std::find(order_.begin(), order_.end(), i) - order_.begin());
      digest.add(parameters.part(position), kTensors[i].count * size_of_type(pair_.parameter));
      double norms[3];
      expect_ok(lars_norms(get(), static_cast<std::uint32_t>(position), &norms[0], &norms[1], &norms[2]));
      digest.add(norms, sizeof norms);
    }
    return digest.value();
  }

 private:
  [[nodiscard]] lars_optimizer* get() const { return optimizer_.get(); }

  void expect_ok(std::int32_t status) { EXPECT_EQ(status, LARS_OK) << lars_error_message(get()); }

  void take_step(const Placed& parameters, std::uint64_t step) {
    std::vector<Bytes> made;
    for (const std::size_t i : order_) {
      made.push_back(exact_numbers(pair_.gradient, kTensors[i].count, 100 * (step + 1) + i, -3));
    }
    const Placed gradients(made, way_.misalignment, size_of_type(pair_.gradient), way_.form == Way::flat);
    const std::vector<void*> w(parameters.parts().begin(), parameters.parts().end());
    const std::vector<const void*> g(gradients.parts().begin(), gradients.parts().end());
    switch (way_.form) {
      case Way::step: return expect_ok(lars_step(get(), w.data(), g.data()));
      case Way::flat: return expect_ok(lars_step_flat(get(), w[0], g[0]));
      case Way::by_parameter:
        for (std::uint32_t i = 0; i < kCount; ++i) expect_ok(lars_step_parameter(get(), i, w[i], g[i]));
        return;
      case Way::accumulated:
        expect_ok(lars_accumulate(get(), w.data(), g.data()));
        return expect_ok(lars_step_accumulated(get(), w.data()));
      case Way::update: return add_updates(w, g);
    }
  }

  void add_updates(const std::vector<void*>& w, const std::vector<const void*>& g) {
    std::vector<Bytes> updates;
    std::vector<void*> pointers;
    for (const std::size_t i : order_) {
      updates.emplace_back(kTensors[i].count * size_of_type(pair_.parameter));
      pointers.push_back(updates.back().data());
    }
    expect_ok(lars_update(get(), w.data(), g.data(), pointers.data()));
    for (std::size_t k = 0; k < kCount; ++k) {
      for (std::size_t i = 0; i < kTensors[order_[k]].count; ++i) {
        if (pair_.parameter == LARS_F32) {
          static_cast<float*>(w[k])[i] += static_cast<float*>(pointers[k])[i];
        } else {
          static_cast<double*>(w[k])[i] += static_cast<double*>(pointers[k])[i];
        }
      }
    }
  }

  const Pair& pair_;
  Way way_;
  std::vector<std::size_t> order_;
  OptimizerHandle optimizer_ = make_optimizer();
};

// ---- Pools of hosts -------------------------------------------------------------------------------------

/// A thread for every task.
std::int32_t thread_per_task(void*, std::uint32_t count, lars_task task, void* context) {
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < count; ++i) threads.emplace_back(task, context, i);
  for (std::thread& thread : threads) thread.join();
  return 0;
}

/// One thread that is not the caller's, last task first.
std::int32_t one_thread_backward(void*, std::uint32_t count, lars_task task, void* context) {
  std::thread([=] {
    for (std::uint32_t i = count; i-- > 0;) task(context, i);
  }).join();
  return 0;
}

/// Leaves most undone, repeats some, and invents one.
std::int32_t sloppy(void*, std::uint32_t count, lars_task task, void* context) {
  task(context, count / 2);
  task(context, count / 2);
  task(context, count + 7);
  return 0;
}

// ---- The matrix -----------------------------------------------------------------------------------------

class Bits : public testing::TestWithParam<Pair> {
 protected:
  static void expect_digest(const Way& way, const std::string& what) {
    Training training(GetParam(), way);
    if (!training.choose_kernels()) return;
    const std::uint64_t digest = training.digest();
    EXPECT_EQ(digest, GetParam().digest) << what << " gives 0x" << std::hex << digest;
  }
};

TEST_P(Bits, OfTheReferenceKernels) {
  expect_digest({.kernels = "reference"}, "reference");
  expect_digest({.kernels = "reference", .threads = 3}, "reference on 3 threads");
}

TEST_P(Bits, OfEveryInstructionSetAndAlignment) {
  for (const char* target : {"AVX3", "AVX2", "SSE4", "SSSE3", "NEON"}) {
    for (const std::size_t misalignment : {0U, 1U, 3U}) {
      expect_digest({.kernels = std::string("simd/") + target, .threads = 2, .misalignment = misalignment},
                    std::string(target) + " off by " + std::to_string(misalignment));
    }
  }
}

TEST_P(Bits, OfEveryNumberOfThreads) {
  for (std::uint32_t threads = 1; threads <= 8; ++threads) {
    for (const std::int32_t policy : {LARS_NONFINITE_REFUSE, LARS_NONFINITE_PROPAGATE}) {
      expect_digest({.threads = threads, .policy = policy}, std::to_string(threads) + " threads");
    }
  }
}

TEST_P(Bits, OfEveryPool) {
  for (std::uint32_t threads = 2; threads <= 8; ++threads) {
    expect_digest({.threads = threads, .pool = thread_per_task}, "a thread per task");
  }
  expect_digest({.threads = 5, .pool = one_thread_backward}, "one thread, backward");
  expect_digest({.threads = 4, .pool = sloppy}, "a pool that does not do its work");
}

TEST_P(Bits, OfEveryOrderAndForm) {
  for (const auto order : {Way::in_order, Way::backward, Way::interleaved}) {
    for (const auto form : {Way::step, Way::flat, Way::by_parameter, Way::update, Way::accumulated}) {
      if (form == Way::update && size_of_type(GetParam().parameter) < 4) continue;
      for (const bool carry : {false, true}) {
        expect_digest({.threads = 2, .misalignment = 1, .order = order, .form = form, .carry = carry},
                      "order " + std::to_string(order) + ", form " + std::to_string(form) +
                          (carry ? ", norms carried" : ""));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Bits, testing::ValuesIn(kPairs),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace lars_test
