// A small model under optimization: a handle, tensors and buffers, through nothing but lars.h.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lars/lars.h"
#include "support/numbers.h"

namespace lars_test {

struct DestroyOptimizer {
  void operator()(lars_optimizer* optimizer) const { EXPECT_EQ(lars_destroy(optimizer), LARS_OK); }
};
using OptimizerHandle = std::unique_ptr<lars_optimizer, DestroyOptimizer>;

inline OptimizerHandle make_optimizer() {
  lars_optimizer* optimizer = nullptr;
  EXPECT_EQ(lars_create(&optimizer), LARS_OK);
  return OptimizerHandle(optimizer);
}

struct DestroySchedule {
  void operator()(lars_schedule* schedule) const { lars_schedule_destroy(schedule); }
};
using ScheduleHandle = std::unique_ptr<lars_schedule, DestroySchedule>;

/// A schedule from a constructor of lars.h, called with its arguments but the last.
template <class... Parameters, class... Arguments>
ScheduleHandle make_schedule(std::int32_t (*constructor)(Parameters...), Arguments... arguments) {
  lars_schedule* schedule = nullptr;
  const std::tuple<Parameters...> all(arguments..., &schedule);
  EXPECT_EQ(std::apply(constructor, all), LARS_OK) << lars_schedule_error_message(schedule);
  return ScheduleHandle(schedule);
}

/// Description of one tensor.
struct TensorSpec {
  std::string name;
  std::int32_t dtype;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::size_t count() const {
    std::size_t product = 1;
    for (const std::int64_t extent : shape) product *= static_cast<std::size_t>(extent);
    return product;
  }
  [[nodiscard]] std::size_t element_size() const { return size_of_type(dtype); }
};

using Bytes = std::vector<std::byte>;

/// `count` values of type dtype, reproducible, of magnitude about `scale`.
inline Bytes random_values(const TensorSpec& spec, std::uint64_t seed, double scale = 1.0) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(0.0, scale);
  Bytes bytes(spec.count() * spec.element_size());
  for (std::size_t i = 0; i < spec.count(); ++i) write_number(spec.dtype, bytes.data(), i, normal(generator));
  return bytes;
}

/// Element i of a buffer, as double.
inline double element(const TensorSpec& spec, const Bytes& bytes, std::size_t i) {
  return read_number(spec.dtype, bytes.data(), i);
}

inline void set_element(const TensorSpec& spec, Bytes& bytes, std::size_t i, double value) {
  write_number(spec.dtype, bytes.data(), i, value);
}

/// An optimizer with its tensors' memory.
class Trainee {
 public:
  explicit Trainee(std::vector<TensorSpec> specs, std::uint64_t seed = 1) : specs_(std::move(specs)) {
    for (const TensorSpec& spec : specs_) {
      const auto ndim = static_cast<std::uint32_t>(spec.shape.size());
      EXPECT_EQ(lars_add_parameter(get(), spec.name.c_str(), spec.dtype, ndim, spec.shape.data(), nullptr),
                LARS_OK)
          << lars_error_message(get());
      parameters.push_back(random_values(spec, ++seed));
      gradients.push_back(random_values(spec, 1000 + seed, 0.1));
    }
  }

  [[nodiscard]] lars_optimizer* get() const { return optimizer_.get(); }
  [[nodiscard]] const std::vector<TensorSpec>& specs() const { return specs_; }

  void set(std::int32_t key, double value, const char* selector = nullptr) {
    EXPECT_EQ(lars_set(get(), selector, key, value), LARS_OK) << lars_error_message(get());
  }

  /// Fresh gradients, the same for the same seed.
  void draw_gradients(std::uint64_t seed) {
    for (std::size_t i = 0; i < specs_.size(); ++i)
      gradients[i] = random_values(specs_[i], 7919 * seed + i, 0.1);
  }

  /// For the calls of lars.h that take arrays.
  std::vector<void*> parameter_pointers() {
    std::vector<void*> pointers;
    for (Bytes& parameter : parameters) pointers.push_back(parameter.data());
    return pointers;
  }
  [[nodiscard]] std::vector<const void*> gradient_pointers() const {
    std::vector<const void*> pointers;
    for (const Bytes& gradient : gradients) pointers.push_back(gradient.data());
    return pointers;
  }

  std::int32_t step() { return lars_step(get(), parameter_pointers().data(), gradient_pointers().data()); }

  std::int32_t accumulate() {
    const std::vector<void*> pointers = parameter_pointers();
    return lars_accumulate(get(), pointers.data(), gradient_pointers().data());
  }
  std::int32_t step_accumulated() { return lars_step_accumulated(get(), parameter_pointers().data()); }

  std::vector<Bytes> parameters;
  std::vector<Bytes> gradients;

 private:
  OptimizerHandle optimizer_ = make_optimizer();
  std::vector<TensorSpec> specs_;
};

/// Tensors of every rank from 0 to 4, empty, and longer than a chunk with a ragged end.
inline std::vector<TensorSpec> assorted_tensors(std::int32_t dtype) {
  return {{"scale", dtype, {}},
          {"conv.weight", dtype, {3, 2, 5, 5}},
          {"conv.bias", dtype, {3}},
          {"empty", dtype, {4, 0, 2}},
          {"single", dtype, {1, 1}},
          {"cube", dtype, {4, 4, 4}},
          {"long", dtype, {2 * 4096 + 37}},
          {"longer than a segment", dtype, {17, 4096 + 5}}};
}

}  // namespace lars_test
