/**
 * @file
 * What an optimizer of either style holds: the handle, what its callbacks point to, and room for arguments.
 */
#ifndef LARS_CPP_STATE_HPP
#define LARS_CPP_STATE_HPP

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "../lars.h"
#include "callbacks.hpp"
#include "entry.hpp"
#include "keys.hpp"
#include "views.hpp"

namespace lars {
inline namespace cpp {

class OptimizerState {
 protected:
  struct Destroy {
    void operator()(lars_optimizer* handle) const noexcept { lars_destroy(handle); }
  };

  template <class Choice>
  static std::int32_t number(Choice choice) noexcept {
    return static_cast<std::int32_t>(choice);
  }

  [[nodiscard]] const char* message_of(std::int32_t status) const noexcept {
    return status == LARS_ERR_BUSY ? busy_message : lars_error_message(handle_.get());
  }

  /// Checks the arrays, and takes them apart into the pointers that lars.h wants.
  template <class Pointer>
  bool check(std::int32_t role, Span<const BasicTensor<Pointer>> tensors, std::vector<Pointer>& pointers) {
    pointers.clear();
    types_.clear();
    elements_.clear();
    for (const BasicTensor<Pointer>& tensor : tensors) {
      pointers.push_back(tensor.data());
      types_.push_back(number(tensor.type()));
      elements_.push_back(tensor.elements());
    }
    check_status_ = lars_check_arrays(handle_.get(), role, static_cast<std::uint32_t>(tensors.size()),
                                      types_.data(), elements_.data());
    return check_status_ >= 0;
  }
  bool check_parameters(Span<const Tensor> tensors) { return check(LARS_ROLE_PARAMETER, tensors, first_); }
  bool check_parameters(Span<const ConstTensor> tensors) {
    return check(LARS_ROLE_PARAMETER, tensors, third_);
  }
  bool check_gradients(Span<const ConstTensor> tensors) {
    return check(LARS_ROLE_GRADIENT, tensors, second_);
  }
  bool check_momentum(Span<const Tensor> tensors) { return check(LARS_ROLE_MOMENTUM, tensors, momentum_); }
  bool check_masters(Span<const Tensor> tensors) { return check(LARS_ROLE_MASTER, tensors, masters_); }
  bool check_flat(ConstTensor parameters, ConstTensor gradients) {
    const auto one = [this](std::int32_t role, ConstTensor tensor) {
      check_status_ = lars_check_flat(handle_.get(), role, number(tensor.type()), tensor.elements());
      return check_status_ >= 0;
    };
    return one(LARS_ROLE_PARAMETER, parameters) && one(LARS_ROLE_GRADIENT, gradients);
  }
  bool check_one(std::uint32_t index, ConstTensor parameter, ConstTensor gradient) {
    const auto one = [this, index](std::int32_t role, ConstTensor tensor) {
      check_status_ = lars_check_array(handle_.get(), role, index, number(tensor.type()), tensor.elements());
      return check_status_ >= 0;
    };
    return one(LARS_ROLE_PARAMETER, parameter) && one(LARS_ROLE_GRADIENT, gradient);
  }

  using Functions = std::vector<std::shared_ptr<void>>;

  /// Does set(), which gives a key a schedule or a value, and keeps the schedule's functions if it succeeds.
  /// Once a key is set for all parameters, none is left that could follow an earlier schedule of it.
  template <class Set>
  std::int32_t keep(Key key, bool for_all, const Functions& functions, const Set& set) {
    functions_.reserve(functions_.size() + functions.size());
    const std::int32_t status = set();
    if (status < 0) return status;
    const auto is_earlier = [key](const Kept& kept) { return kept.key == key; };
    if (for_all)
      functions_.erase(std::remove_if(functions_.begin(), functions_.end(), is_earlier), functions_.end());
    for (const std::shared_ptr<void>& function : functions) {
      const auto is_same = [&](const Kept& kept) { return kept.key == key && kept.function == function; };
      if (std::none_of(functions_.begin(), functions_.end(), is_same)) functions_.push_back({key, function});
    }
    return status;
  }

  struct Kept {
    Key key;
    std::shared_ptr<void> function;
  };

  // What the handle's callbacks point to is released after the handle.
  std::vector<Kept> functions_;
  std::unique_ptr<ParallelFor> parallel_for_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<lars_optimizer, Destroy> handle_;

  // Room for the arguments of calls, so that steps allocate nothing after the first.
  std::vector<void*> first_, momentum_, masters_;
  std::vector<const void*> second_, third_;
  std::vector<std::int32_t> types_;
  std::vector<std::uint64_t> elements_;
  std::int32_t check_status_ = LARS_OK;

  mutable Busy busy_;
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_STATE_HPP
