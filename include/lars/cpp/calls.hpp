/**
 * @file
 * How an optimizer of either style calls lars.h.
 */
#ifndef LARS_CPP_CALLS_HPP
#define LARS_CPP_CALLS_HPP

#include <cstdint>
#include <utility>

#include "../lars.h"
#include "entry.hpp"
#include "errors.hpp"
#include "state.hpp"
#include "text.hpp"
#include "thrown.hpp"

namespace lars {
inline namespace cpp {

/// Every call goes through one of these: lars.h's functions let one caller in at a time, but the room for
/// arguments, the kept functions and the handle's message are shared beyond them.
template <class Errors>
class Calls : protected OptimizerState {
 protected:
  template <class T>
  using Returned = typename Errors::template Returned<T>;

  static constexpr const char* kCutSelector = "the selector holds a NUL, and so matches no name; remove it";
  static constexpr const char* kCutPath = "path holds a NUL, and so names no file; remove it";

  /// The status of a body, and `value`, which it has filled.
  template <class Value, class Body>
  Returned<Value> call(Value& value, const Body& body) const {
    const Entry entry(busy_);
    const Thrown thrown;
    const std::int32_t status = run(entry, body);
    if (status < 0) return fail_with<Errors, Value>(thrown, Status{status}, message_of(status));
    return Errors::template succeed<Value>(Status{status}, std::move(value));
  }
  template <class Body>
  Returned<void> call(const Body& body) const {
    const Entry entry(busy_);
    const Thrown thrown;
    const std::int32_t status = run(entry, body);
    if (status < 0) return fail_with<Errors, void>(thrown, Status{status}, message_of(status));
    return Errors::succeed(Status{status});
  }
  /// What a function of lars.h writes: a number, or a choice or a flag by its number.
  template <class Value, class Number>
  Returned<Value> read(std::int32_t (*getter)(lars_optimizer*, Number*)) const {
    Value value = {};
    return call(value, [&] {
      Number found = {};
      const std::int32_t status = getter(handle_.get(), &found);
      value = static_cast<Value>(found);
      return status;
    });
  }
  /// A call of set, which gives a key a schedule that calls these functions, or a value.
  template <class Set>
  Returned<void> give(Key key, const Selector& selector, const Functions& functions, const Set& set) {
    return call([&] {
      return with(selector, LARS_ERR_SELECTOR, kCutSelector,
                  [&] { return keep(key, &selector, functions, set); });
    });
  }
  /// The same, by a predicate.
  template <class Set>
  Returned<void> give(Key key, const Functions& functions, const Set& set) {
    return call([&] { return keep(key, nullptr, functions, set); });
  }
  template <class Body>
  Returned<bool> stepped(const Body& body) {
    bool taken = false;
    return call(taken, [&] {
      const std::int32_t status = body();
      taken = status == LARS_OK;
      return status;
    });
  }

 private:
  template <class Body>
  std::int32_t run(const Entry& entry, const Body& body) const {
    if (!entry.entered()) return LARS_ERR_BUSY;
    refused_text_ = nullptr;
    return body();
  }
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_CALLS_HPP
