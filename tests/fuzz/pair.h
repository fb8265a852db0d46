// Two handles that are told the same, and must do the same.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "observed.h"
#include "side.h"

namespace lars_fuzz {

class Pair {
 protected:
  /// Makes the call on each side; both must answer alike, and one that fails must have changed nothing.
  /// Nothing but calls changes a state, so what is seen after a call is what is there before the next.
  template <class Call>
  std::int32_t both(const Call& call) {
    std::int32_t statuses[2] = {};
    if (!looked_) look();
    for (std::size_t i = 0; i < 2; ++i) {
      Side& side = i == 0 ? simd_ : reference_;
      keep(side, before_[i]);
      statuses[i] = call(side);
      if (statuses[i] >= 0) continue;
      require(lars_error_message(side.optimizer)[0] != '\0', "a call that fails says why");
      require(same_memory(side, before_[i]), "a call that fails leaves the caller's memory alone");
    }
    require(statuses[0] == statuses[1], "both answer alike");
    require(same_tensors(simd_, reference_),
            "both have the same parameters, updates and state of the caller's");
    require(simd_.notified == reference_.notified, "both observers are told");
    const std::array<std::uint64_t, 2> seen = seen_;
    const std::array<std::string, 2> states = std::move(states_);
    look();
    require(seen_[0] == seen_[1], "both show the same state");
    ++counts.results_compared;
    if (closely_ && !propagated_) require_same(states_[0], states_[1], "both have the same state");
    if (statuses[0] >= 0) return statuses[0];
    require(seen == seen_, "a call that fails changes nothing that can be seen");
    counts.failing_calls += 2;
    for (std::size_t i = 0; i < 2 && closely_; ++i) {
      require_same(states_[i], states[i], "a call that fails leaves the state alone");
    }
    return statuses[0];
  }

  /// The state as a checkpoint; "" if it is the caller's. Of the size that it had last, if it still has: to
  /// find out the size takes as long as to save.
  static std::string state_of(Side& side) {
    std::string buffer(side.saved_bytes, '\0');
    if (!buffer.empty() && lars_save_to(side.optimizer, buffer.data(), buffer.size()) == LARS_OK)
      return buffer;
    const std::int32_t status = lars_save_size(side.optimizer, &side.saved_bytes);
    if (status == LARS_ERR_STATE) return "";
    require(status == LARS_OK, "the size is known");
    buffer.resize(side.saved_bytes);
    require(lars_save_to(side.optimizer, buffer.data(), buffer.size()) == LARS_OK, "the state can be saved");
    return buffer;
  }

  static void require_same(const std::string& a, const std::string& b, const char* what) {
    require(a == b, what);
    if (!a.empty()) ++counts.checkpoints_compared;
  }

  void add_tensor(std::int32_t type, std::size_t count) {
    for (Side* side : {&simd_, &reference_}) {
      std::vector<Tensor> tensors = std::move(side->tensors);
      tensors.push_back(
          {type, count, Buffer(count), Buffer(count), Buffer(count), Buffer(count), Buffer(count)});
      side->set_tensors(std::move(tensors));
    }
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
  bool propagated_ = false;  // NaN may be in the state, and which one, is not defined
  bool closely_ = false;     // with a look at the whole state, which takes longer than all else

 private:
  /// What calls write of the caller's memory.
  static void keep(const Side& side, std::vector<unsigned char>& kept) {
    kept.clear();
    for (const Tensor& tensor : side.tensors) {
      for (const Buffer* buffer : written(tensor)) {
        kept.insert(kept.end(), buffer->bytes(), buffer->bytes() + 8 * tensor.count);
      }
    }
  }
  static bool same_memory(const Side& side, const std::vector<unsigned char>& kept) {
    const unsigned char* next = kept.data();
    for (const Tensor& tensor : side.tensors) {
      for (const Buffer* buffer : written(tensor)) {
        if (!std::equal(buffer->bytes(), buffer->bytes() + 8 * tensor.count, next)) return false;
        next += 8 * tensor.count;
      }
    }
    return true;
  }
  static std::array<const Buffer*, 4> written(const Tensor& tensor) {
    return {&tensor.parameter, &tensor.update, &tensor.momentum, &tensor.master};
  }

  void look() {
    seen_ = {observed(simd_.optimizer), observed(reference_.optimizer)};
    if (closely_) states_ = {state_of(simd_), state_of(reference_)};
    looked_ = true;
  }

  std::array<std::vector<unsigned char>, 2> before_;
  std::array<std::uint64_t, 2> seen_ = {};  // after the last call
  std::array<std::string, 2> states_;       // likewise, if closely_
  bool looked_ = false;
};

}  // namespace lars_fuzz
