/**
 * @file
 * What a function of the program throws while the library calls it: kept until that call has returned.
 */
#ifndef LARS_CPP_THROWN_HPP
#define LARS_CPP_THROWN_HPP

#include <exception>
#include <string>
#include <utility>

#include "errors.hpp"

namespace lars {
inline namespace cpp {

#if LARS_CPP_EXCEPTIONS

/// Lasts as long as a call of the library. Calls nest: a function that it calls may use another optimizer.
/// Functions are called on the thread of the call, and one may be called by several at the same time, so what
/// they throw is the thread's.
class Thrown {
 public:
  Thrown() noexcept : outer_(std::exchange(current(), nullptr)) {}
  ~Thrown() { current() = std::move(outer_); }
  Thrown(const Thrown&) = delete;
  Thrown& operator=(const Thrown&) = delete;
  Thrown(Thrown&&) = delete;
  Thrown& operator=(Thrown&&) = delete;

  /// What a call of the library that failed so threw; null if nothing.
  [[nodiscard]] std::exception_ptr cause(Status status) const noexcept {
    return status == Status::callback ? current() : nullptr;
  }

  /// Calls a function of the program. The library sees what it throws, and says so in its own words.
  template <class Function>
  static auto keep(const Function& function) -> decltype(function()) {
    try {
      return function();
    } catch (...) {
      current() = std::current_exception();
      throw;
    }
  }

 private:
  static std::exception_ptr& current() noexcept {
    thread_local std::exception_ptr exception;
    return exception;
  }

  std::exception_ptr outer_;
};

/// The library's words, and after them those of the exception, if it has any.
inline std::string with_words_of(const std::exception_ptr& cause, const char* message) {
  std::string words = message;
  if (cause == nullptr) return words;
  try {
    std::rethrow_exception(cause);
  } catch (const std::exception& exception) {
    words.append(": ").append(exception.what());
  } catch (...) {
  }
  return words;
}

/// Reports the failure in the style of Errors, with what the program's function threw.
template <class Errors, class T>
typename Errors::template Returned<T> fail_with(const Thrown& thrown, Status status, const char* message) {
  const std::exception_ptr cause = thrown.cause(status);
  const std::string words = with_words_of(cause, message);
  return Errors::template fail<T>(status, words.c_str(), cause);
}

#else

class Thrown {
 public:
  template <class Function>
  static auto keep(const Function& function) -> decltype(function()) {
    return function();
  }
};

template <class Errors, class T>
typename Errors::template Returned<T> fail_with(const Thrown& /*thrown*/, Status status,
                                                const char* message) {
  return Errors::template fail<T>(status, message);
}

#endif

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_THROWN_HPP
