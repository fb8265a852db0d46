// Two handles that are told the same, and must do the same.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "side.h"

namespace lars_fuzz {

class Pair {
 protected:
  /// Makes the call on each side; both must answer alike, and one that fails must have changed nothing.
  template <class Call>
  std::int32_t both(const Call& call) {
    std::int32_t statuses[2] = {};
    for (std::size_t i = 0; i < 2; ++i) {
      Side& side = i == 0 ? simd_ : reference_;
      std::vector<Buffer>& before = before_[i];
      for (std::size_t t = 0; t < side.tensors.size(); ++t) before[t] = side.tensors[t].parameter;
      const std::string state = checks_state_ ? saved(side.optimizer) : "";
      statuses[i] = call(side);
      if (statuses[i] >= 0) continue;
      for (std::size_t t = 0; t < side.tensors.size(); ++t) {
        require(std::memcmp(before[t].bytes(), side.tensors[t].parameter.bytes(),
                            8 * before[t].memory.size()) == 0,
                "a call that fails leaves the parameters alone");
      }
      require(lars_error_message(side.optimizer)[0] != '\0', "a call that fails says why");
      require(!checks_state_ || saved(side.optimizer) == state, "a call that fails leaves the state alone");
    }
    require(statuses[0] == statuses[1], "both answer alike");
    require(same_tensors(simd_, reference_), "both have the same parameters and updates");
    require(simd_.notified == reference_.notified, "both observers are told");
    if (checks_state_ && !propagated_) {
      require(saved(simd_.optimizer) == saved(reference_.optimizer), "both have the same state");
    }
    return statuses[0];
  }

  void add_tensor(std::int32_t type, std::size_t count) {
    for (Side* side : {&simd_, &reference_}) {
      std::vector<Tensor> tensors = std::move(side->tensors);
      tensors.push_back({type, count, Buffer(count), Buffer(count), Buffer(count)});
      side->set_tensors(std::move(tensors));
    }
    for (std::vector<Buffer>& before : before_) before.emplace_back(count);
    fill(simd_.tensors.size() - 1, 0.75, 0.01);
  }

  /// Parameter, if that is a number, and gradient of one tensor. The gradient may be read as another type.
  void fill(std::size_t index, double parameter, double gradient) {
    for (Side* side : {&simd_, &reference_}) {
      Tensor& tensor = side->tensors[index];
      for (std::size_t i = 0; i < tensor.count; ++i) {
        const double factor = 1.0 + 0.01 * static_cast<double>(i);
        if (!std::isnan(parameter)) tensor.parameter.write(tensor.type, i, parameter * factor);
        tensor.gradient.write(tensor.type, i, gradient * factor);
      }
    }
  }

  Side simd_ = Side("simd");
  Side reference_ = Side("reference");
  bool propagated_ = false;    // NaN may be in the state, and which one, is not defined
  bool checks_state_ = false;  // in this call: it takes far longer than most calls

 private:
  std::array<std::vector<Buffer>, 2> before_;  // the parameters
};

}  // namespace lars_fuzz
