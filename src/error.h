// The one exception of the core: a status of lars.h and a message that tells the user what to do.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "lars/lars.h"
#include "text.h"

namespace lars {

class Error : public std::exception {
 public:
  Error(std::int32_t status, std::string message) : status_(status), message_(std::move(message)) {}

  [[nodiscard]] std::int32_t status() const noexcept { return status_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::int32_t status_;
  std::string message_;
};

template <class... Arguments>
[[noreturn]] void fail(std::int32_t status, fmt::format_string<Arguments...> format,
                       const Arguments&... arguments) {
  throw Error(status, formatted(format, arguments...));
}

/// "1 parameter", "2 parameters".
inline std::string counted(std::uint64_t count, const char* noun) {
  return formatted("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace lars
