#include "workload.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <malloc.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "plain_loops.h"
#include "timed.hpp"

namespace lars_bench {
namespace {

constexpr float kLearningRate = 1e-3F;
constexpr float kMomentum = 0.9F;
constexpr float kTrustCoefficient = 1e-3F;
constexpr float kSgdLearningRate = 1e-6F;  // without a trust ratio

std::size_t heap_bytes() {
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

/// Keeps the compiler from leaving out what computes it.
volatile std::uint32_t sink = 0;

}  // namespace

Workload::Workload(Model model, bool baselines)
    : model_(std::move(model)),
      count_(model_.count()),
      baselines_(baselines),
      parameters_(count_, false),
      gradients_(count_, false) {
  if (baselines) {
    momentum_ = Floats(count_, true);
    sums_ = Floats(count_, true);
    std::int64_t largest = 0;
    for (const Tensor& tensor : model_.tensors) largest = std::max(largest, tensor.count);
    scratch_ = Floats(largest, true);
  }
  std::uint32_t state = 1;
  const auto random = [&state] {  // a linear congruential generator of Numerical Recipes, to [-1, 1)
    state = state * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31F;
  };
  for (std::int64_t i = 0; i < count_; ++i) {
    parameters_.data()[i] = random();
    gradients_.data()[i] = 0.01F * random();
    if (baselines) momentum_.data()[i] = 0.0F;
  }
  const std::size_t heap_before = heap_bytes();
  check(lars_create(&optimizer_));
  std::int64_t offset = 0;
  for (const Tensor& tensor : model_.tensors) {
    check(lars_add_parameter(optimizer_, tensor.name.c_str(), LARS_F32,
                             static_cast<std::uint32_t>(tensor.shape.size()), tensor.shape.data(), nullptr));
    offset += tensor.count;
  }
  check(lars_set(optimizer_, nullptr, LARS_LEARNING_RATE, double{kLearningRate}));
  check(lars_step_flat(optimizer_, parameters_.data(), gradients_.data()));
  library_bytes_ = heap_bytes() - heap_before;
  offset = 0;
  for (const Tensor& tensor : model_.tensors) {
    offsets_.push_back(offset);
    parameter_pointers_.push_back(parameters_.data() + offset);
    gradient_pointers_.push_back(gradients_.data() + offset);
    offset += tensor.count;
  }
  use_threads(1);
}

Workload::~Workload() { lars_destroy(optimizer_); }

void Workload::check(std::int32_t status) const {
  if (status != LARS_OK) {
    throw std::runtime_error(fmt::format("{}: {}", lars_status_name(status), lars_error_message(optimizer_)));
  }
}

void Workload::use_threads(std::uint32_t threads) {
  threads_ = threads;
  arena_ = std::make_unique<tbb::task_arena>(static_cast<int>(threads));
  check(lars_set_threads(optimizer_, threads));
}

void Workload::configure(const Settings& settings) {
  check(lars_set_kernels(optimizer_, settings.kernels));
  check(lars_set_nonfinite_policy(optimizer_, settings.policy));
  check(lars_set_accumulation(optimizer_, 2));
  check(lars_set_carry_norms(optimizer_, settings.carry ? 1 : 0));
  check(lars_set(optimizer_, nullptr, LARS_WEIGHT_DECAY, settings.weight_decay));
  check(lars_parameters_changed(optimizer_));  // by the contenders before
}

/// body(first, count) on equal contiguous parts, one a thread.
template <class Body>
void Workload::parallel(const Body& body) const {
  if (threads_ == 1) return body(std::int64_t{0}, count_);
  arena_->execute([&] {
    tbb::parallel_for(
        std::uint32_t{0}, threads_,
        [&](std::uint32_t i) {
          const std::int64_t first = count_ * i / threads_;
          body(first, count_ * (i + 1) / threads_ - first);
        },
        tbb::static_partitioner());
  });
}

Contender Workload::of_lars(const char* name, double bytes, const Settings& settings) {
  return {name, bytes, true,
          [this] {
            return timed(
                [&] { check(lars_step(optimizer_, parameter_pointers_.data(), gradient_pointers_.data())); });
          },
          [this, settings] { configure(settings); }};
}

Contender Workload::accumulated(const char* name, double bytes, Timed timed_calls) {
  return {name, bytes, true,
          [this, timed_calls] {
            const double first =
                timed([&] { check(lars_accumulate(optimizer_, nullptr, gradient_pointers_.data())); });
            const double last = timed([&] {
              check(lars_accumulate(optimizer_, parameter_pointers_.data(), gradient_pointers_.data()));
            });
            const double step =
                timed([&] { check(lars_step_accumulated(optimizer_, parameter_pointers_.data())); });
            switch (timed_calls) {
              case Timed::last_accumulate: return last;
              case Timed::step: return step;
              case Timed::whole_batch: return first + last + step;
            }
            return 0.0;
          },
          [this] { configure({}); }};
}

/// Of a loop over the parameters, gradients and momentum that each thread has.
template <class Loop>
Contender Workload::of_loop(const char* name, double bytes, const Loop& loop) {
  return {name, bytes, true, [this, loop] {
            return timed([&] {
              parallel([&](std::int64_t first, std::int64_t count) {
                loop(parameters_.data() + first, gradients_.data() + first, momentum_.data() + first,
                     static_cast<std::size_t>(count));
              });
            });
          }};
}

/// What Timed::whole_batch does, for momentum-SGD: a micro-batch is there only when the one before is added.
void Workload::sgd_of_batch() {
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  parallel([&](std::int64_t first, std::int64_t count) {
    copy_gradients(sums_.data() + first, gradients_.data() + first, size(count));
  });
  parallel([&](std::int64_t first, std::int64_t count) {
    add_gradients(sums_.data() + first, gradients_.data() + first, size(count));
  });
  parallel([&](std::int64_t first, std::int64_t count) {
    momentum_sgd(parameters_.data() + first, sums_.data() + first, momentum_.data() + first, size(count),
                 kSgdLearningRate, kMomentum, static_cast<float>(kWeightDecay));
  });
}

/// LARS from OpenBLAS's level-1 calls on whole tensors, as a user would compose it.
void Workload::step_by_openblas() {
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    const auto n = static_cast<blasint>(model_.tensors[i].count);
    float* w = parameters_.data() + offsets_[i];
    float* m = momentum_.data() + offsets_[i];
    float* u = scratch_.data();
    cblas_scopy(n, gradients_.data() + offsets_[i], 1, u, 1);
    cblas_saxpy(n, static_cast<float>(kWeightDecay), w, 1, u, 1);
    const float weight_norm = cblas_snrm2(n, w, 1);
    const float update_norm = cblas_snrm2(n, u, 1);
    const float ratio =
        weight_norm > 0 && update_norm > 0 ? kTrustCoefficient * weight_norm / update_norm : 1.0F;
    cblas_sscal(n, kMomentum, m, 1);
    cblas_saxpy(n, -kLearningRate * ratio, u, 1, m, 1);
    cblas_saxpy(n, 1.0F, m, 1, w, 1);
  }
}

void Workload::step_by_plain_loops() {
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    plain_lars(parameters_.data() + offsets_[i], gradients_.data() + offsets_[i],
               momentum_.data() + offsets_[i], static_cast<std::size_t>(model_.tensors[i].count),
               kLearningRate, kMomentum, static_cast<float>(kWeightDecay), kTrustCoefficient);
  }
}

/// A batch of two micro-batches, and the plain loops that do as much but for the norms.
void Workload::add_accumulation(std::vector<Contender>& all) {
  all.push_back(accumulated("lars, accumulated", 20, Timed::step));
  // Reads w, g and the sums, and writes the sums.
  all.push_back(accumulated("last accumulate", 16, Timed::last_accumulate));
  all.push_back(accumulated("lars, whole batch", 8 + 16 + 20, Timed::whole_batch));
  all.push_back(of_loop("momentum-SGD loop", 20, [](float* w, const float* g, float* m, std::size_t count) {
    momentum_sgd(w, g, m, count, kSgdLearningRate, kMomentum, static_cast<float>(kWeightDecay));
  }));
  all.push_back({"momentum-SGD loop, whole batch", 8 + 12 + 20, true,
                 [this] { return timed([this] { sgd_of_batch(); }); }});
}

void Workload::add_compositions(std::vector<Contender>& all) {
  all.push_back({"OpenBLAS calls", 60, true, [this] {
                   openblas_set_num_threads(static_cast<int>(threads_));
                   const double time = timed([this] { step_by_openblas(); });
                   openblas_set_num_threads(1);
                   return time;
                 }});
  all.push_back({"plain C loops", 28, false, [this] { return timed([this] { step_by_plain_loops(); }); }});
}

/// For each pass several loops that move the same bytes: the fastest is the ceiling.
void Workload::add_ceilings(std::vector<Contender>& all) {
  const auto add_reading = [&](const char* name, auto* loop) {
    all.push_back(of_loop(name, 8, [loop](const float* w, const float* g, float*, std::size_t count) {
      sink = loop(w, g, count);
    }));
  };
  add_reading("ceiling of pass 1: plain", read_two);
  add_reading("ceiling of pass 1: unrolled", read_two_unrolled);
  add_reading("ceiling of pass 1: prefetching", read_two_prefetched);
  all.push_back(of_loop("ceiling of pass 2: plain", 20, update_two));
  all.push_back(of_loop("ceiling of pass 2: unrolled", 20, update_two_unrolled));
  all.push_back(of_loop("ceiling of pass 2: prefetching", 20, update_two_prefetched));
}

std::vector<Contender> Workload::contenders() {
  std::vector<Contender> all = {of_lars("lars", 28, {})};
  if (!baselines_) return all;
  all.push_back(of_lars("lars, PROPAGATE", 28, {.policy = LARS_NONFINITE_PROPAGATE}));
  all.push_back(of_lars("lars, norms carried", 24, {.carry = true, .weight_decay = 0.0}));
  all.push_back(of_lars("lars, norms carried, PROPAGATE", 24,
                        {.policy = LARS_NONFINITE_PROPAGATE, .carry = true, .weight_decay = 0.0}));
  all.push_back(of_lars("reference kernels", 28, {.kernels = "reference"}));
  all.push_back(of_lars("blas kernels", 28, {.kernels = "blas"}));  // chunk by chunk, in cache
  add_accumulation(all);
  add_compositions(all);
  add_ceilings(all);
  return all;
}

}  // namespace lars_bench
