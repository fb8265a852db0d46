// Plays the calls of tests/conformance/cases.json with lars.hpp; README.md there says what they are.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cases.h"

namespace lars_test {

/// A tensor of a case.
struct Memory {
  lars::Type type;
  std::vector<std::byte> bytes;

  [[nodiscard]] lars::Tensor tensor() { return {bytes.data(), elements(), type}; }
  [[nodiscard]] std::size_t elements() const {
    return bytes.size() / (static_cast<std::size_t>(type) % 256 / 8);
  }
};

/// One case: an optimizer, its arrays and checkpoints.
class Player {
 public:
  explicit Player(const Json& arrays);

  /// What came of a call: nothing, "returns" or "error", and "arrays" if it changed any.
  Json play(const Json& call);

 private:
  using Call = Json (Player::*)(const Json&);
  static const std::map<std::string, Call>& calls();

  [[nodiscard]] std::vector<lars::Tensor> tensors(const Json& call, const char* role);
  [[nodiscard]] std::vector<lars::ConstTensor> const_tensors(const Json& call, const char* role);
  [[nodiscard]] std::map<std::string, std::string> content() const;

  Json start_again(const Json& call);
  Json add_parameter(const Json& call);
  Json parameter(const Json& call);
  Json parameter_count(const Json& call);
  Json parameter_index(const Json& call);
  Json set_gradient_dtype(const Json& call);
  Json gradient_dtype(const Json& call);
  Json set(const Json& call);
  Json get(const Json& call);
  Json set_variant(const Json& call);
  Json set_mlperf_resnet50(const Json& call);
  Json set_gradient_clip(const Json& call);
  Json gradient_clip(const Json& call);
  Json nonfinite_policy(const Json& call);
  Json max_consecutive_skips(const Json& call);
  Json carry_norms(const Json& call);
  Json gradient_norms(const Json& call);
  Json set_nonfinite_policy(const Json& call);
  Json set_max_consecutive_skips(const Json& call);
  Json set_kernels(const Json& call);
  Json kernels(const Json& call);
  Json set_threads(const Json& call);
  Json step(const Json& call);
  Json step_flat(const Json& call);
  Json step_parameter(const Json& call);
  Json update(const Json& call);
  Json step_external(const Json& call);
  Json update_external(const Json& call);
  Json set_accumulation(const Json& call);
  Json accumulate(const Json& call);
  Json step_accumulated(const Json& call);
  Json discard_accumulated(const Json& call);
  Json accumulated(const Json& call);
  Json set_carry_norms(const Json& call);
  Json parameters_changed(const Json& call);
  Json step_count(const Json& call);
  Json set_step_count(const Json& call);
  Json norms(const Json& call);
  Json skip_count(const Json& call);
  Json nonfinite(const Json& call);
  Json telemetry(const Json& call);
  Json set_gradient_norms(const Json& call);
  Json observe(const Json& call);
  Json observed(const Json& call);
  Json save(const Json& call);
  Json load(const Json& call);
  Json save_and_load_file(const Json& call);
  Json load_file(const Json& call);
  Json schedule_values(const Json& call);

  lars::Optimizer optimizer_;
  std::map<std::string, Memory> arrays_;
  std::map<std::string, std::vector<std::byte>> checkpoints_;
  Json reports_ = Json::array();
};

}  // namespace lars_test
