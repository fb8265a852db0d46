/**
 * @file
 * How lars.hpp reports errors: by exceptions, or by results that are looked at.
 */
#ifndef LARS_CPP_ERRORS_HPP
#define LARS_CPP_ERRORS_HPP

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "../lars.h"

#if defined(__cpp_exceptions) && __cpp_exceptions
#define LARS_CPP_EXCEPTIONS 1
#include <exception>
#include <stdexcept>
#else
#define LARS_CPP_EXCEPTIONS 0
#endif

namespace lars {
/// Keeps the symbols of all that is here apart from those of the library, whose own namespace is lars, too: a
/// program that links the library statically has both.
inline namespace cpp {

/// The statuses of lars.h; what they mean is said there.
enum class Status : std::int32_t {
  ok = LARS_OK,
  skipped = LARS_SKIPPED,
  argument = LARS_ERR_ARGUMENT,
  key = LARS_ERR_KEY,
  value = LARS_ERR_VALUE,
  type = LARS_ERR_TYPE,
  index = LARS_ERR_INDEX,
  name = LARS_ERR_NAME,
  shape = LARS_ERR_SHAPE,
  selector = LARS_ERR_SELECTOR,
  alias = LARS_ERR_ALIAS,
  alignment = LARS_ERR_ALIGNMENT,
  state = LARS_ERR_STATE,
  busy = LARS_ERR_BUSY,
  callback = LARS_ERR_CALLBACK,
  nonfinite = LARS_ERR_NONFINITE,
  memory = LARS_ERR_MEMORY,
  internal = LARS_ERR_INTERNAL,
  io = LARS_ERR_IO,
  format = LARS_ERR_FORMAT,
  mismatch = LARS_ERR_MISMATCH,
};

/// "LARS_ERR_VALUE".
inline const char* name_of(Status status) noexcept {
  return lars_status_name(static_cast<std::int32_t>(status));
}

/// A status is an error if it is below LARS_OK.
inline bool is_error(Status status) noexcept { return static_cast<std::int32_t>(status) < 0; }

/// What a call of the style without exceptions returns: a value, or a status and why.
template <class T>
struct [[nodiscard]] Result {
  Status status = Status::ok;
  std::string message;
  T value = {};

  explicit operator bool() const noexcept { return !is_error(status); }
  const T& operator*() const noexcept { return value; }
  const T* operator->() const noexcept { return &value; }
};

template <>
struct [[nodiscard]] Result<void> {
  Status status = Status::ok;
  std::string message;

  explicit operator bool() const noexcept { return !is_error(status); }
};

/// The style without exceptions: every call that can fail returns a Result.
struct ReturnErrors {
  template <class T>
  using Returned = Result<T>;

  template <class T, class Value>
  static Result<T> succeed(Status status, Value&& value) {
    return {status, {}, std::forward<Value>(value)};
  }
  static Result<void> succeed(Status status) { return {status, {}}; }
  /// The cause, an exception of the program's, has left its words in the message.
  template <class T, class... Cause>
  static Result<T> fail(Status status, const char* message, const Cause&... /*cause*/) {
    Result<T> result;
    result.status = status;
    result.message = message;
    return result;
  }
};

#if LARS_CPP_EXCEPTIONS

/// A call that failed. It has changed nothing. Where a function of the program threw, std::rethrow_if_nested
/// gives what.
class Error : public std::runtime_error {
 public:
  Error(Status status, const char* message) : std::runtime_error(message), status_(status) {}

  [[nodiscard]] Status status() const noexcept { return status_; }

 private:
  Status status_;
};

/// The usual style: what fails throws an Error.
struct ThrowErrors {
  template <class T>
  using Returned = T;

  template <class T, class Value>
  static T succeed(Status /*status*/, Value&& value) {
    return std::forward<Value>(value);
  }
  static void succeed(Status /*status*/) {}
  template <class T>
  [[noreturn]] static T fail(Status status, const char* message, const std::exception_ptr& cause = nullptr) {
    if (cause == nullptr) throw Error(status, message);
    try {
      std::rethrow_exception(cause);
    } catch (...) {
      std::throw_with_nested(Error(status, message));
    }
  }
};

#endif

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_ERRORS_HPP
