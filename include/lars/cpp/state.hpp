/**
 * @file
 * What an optimizer of either style holds: the handle, what its callbacks point to, and room for arguments.
 */
#ifndef LARS_CPP_STATE_HPP
#define LARS_CPP_STATE_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../lars.h"
#include "callbacks.hpp"
#include "entry.hpp"
#include "keys.hpp"
#include "text.hpp"
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

  OptimizerState() = default;
  OptimizerState(OptimizerState&&) noexcept = default;
  /// Through a third, so that an object may be moved to itself.
  OptimizerState& operator=(OptimizerState&& other) noexcept {
    OptimizerState taken(std::move(other));
    swap(taken);
    return *this;
  }
  OptimizerState(const OptimizerState&) = delete;
  OptimizerState& operator=(const OptimizerState&) = delete;
  ~OptimizerState() = default;

  [[nodiscard]] const char* message_of(std::int32_t status) const noexcept {
    if (status == LARS_ERR_BUSY) return busy_message;
    return refused_text_ != nullptr ? refused_text_ : lars_error_message(handle_.get());
  }

  /// body() with a text that holds no NUL; otherwise the status, with these words as the message.
  template <class AnyText, class Body>
  std::int32_t with(const AnyText& text, std::int32_t status, const char* words, const Body& body) const {
    refused_text_ = text.is_cut() ? words : nullptr;
    return text.is_cut() ? status : body();
  }

  /// Checks the arrays, and takes them apart into the pointers that lars.h wants.
  template <class Pointer>
  bool check(std::int32_t role, BasicTensors<Pointer> tensors, std::vector<Pointer>& pointers) {
    pointers.clear();
    types_.clear();
    elements_.clear();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const BasicTensor<Pointer> tensor = tensors[i];
      pointers.push_back(tensor.data());
      types_.push_back(number(tensor.type()));
      elements_.push_back(tensor.elements());
    }
    check_status_ = lars_check_arrays(handle_.get(), role, static_cast<std::uint32_t>(tensors.size()),
                                      types_.data(), elements_.data());
    return check_status_ >= 0;
  }
  bool check_parameters(Tensors tensors) { return check(LARS_ROLE_PARAMETER, tensors, first_); }
  bool check_parameters(ConstTensors tensors) { return check(LARS_ROLE_PARAMETER, tensors, third_); }
  bool check_gradients(ConstTensors tensors) { return check(LARS_ROLE_GRADIENT, tensors, second_); }
  bool check_momentum(Tensors tensors) { return check(LARS_ROLE_MOMENTUM, tensors, momentum_); }
  bool check_masters(Tensors tensors) { return check(LARS_ROLE_MASTER, tensors, masters_); }
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
  /// Once a key is set for all parameters, none is left that could follow an earlier schedule of it; nor,
  /// once it is set again by a glob, one that was set by the same. selector NULL: by a predicate, whose
  /// functions stay until the key is set for all.
  template <class Set>
  std::int32_t keep(Key key, const Selector* selector, const Functions& functions, const Set& set) {
    const Place place(key, selector != nullptr ? selector->glob() : std::string());
    Kept added;  // made before the call, for what follows it must not fail
    if (!functions.empty()) added.emplace(place, functions);
    const Place first(key, std::string());
    const std::int32_t status = set();
    if (status < 0) return status;
    if (selector != nullptr && selector->is_all()) {
      auto last = functions_.lower_bound(first);
      while (last != functions_.end() && last->first.first == key) ++last;
      functions_.erase(functions_.lower_bound(first), last);
    } else if (selector != nullptr) {
      functions_.erase(place);
    }
    functions_.merge(added);
    return status;
  }

  /// A key and a glob; "" for all and for predicates, as no glob that matches a name is empty.
  using Place = std::pair<Key, std::string>;
  using Kept = std::multimap<Place, Functions>;

  void swap(OptimizerState& other) noexcept {
    functions_.swap(other.functions_);
    parallel_for_.swap(other.parallel_for_);
    observer_.swap(other.observer_);
    handle_.swap(other.handle_);
    first_.swap(other.first_);
    momentum_.swap(other.momentum_);
    masters_.swap(other.masters_);
    second_.swap(other.second_);
    third_.swap(other.third_);
    types_.swap(other.types_);
    elements_.swap(other.elements_);
  }

  // What the handle's callbacks point to is released after the handle.
  Kept functions_;
  std::unique_ptr<ParallelFor> parallel_for_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<lars_optimizer, Destroy> handle_;

  // Room for the arguments of calls, so that steps allocate nothing after the first.
  std::vector<void*> first_, momentum_, masters_;
  std::vector<const void*> second_, third_;
  std::vector<std::int32_t> types_;
  std::vector<std::uint64_t> elements_;
  std::int32_t check_status_ = LARS_OK;

  mutable const char* refused_text_ = nullptr;  // why the call refused one; of the call that runs
  mutable Busy busy_;
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_STATE_HPP
