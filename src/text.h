// Text from a format of fmt's. Only text.cpp compiles fmt itself, which takes longer than most files here.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <span>
#include <string>

namespace lars {

std::string formatted_from(fmt::string_view format, fmt::format_args arguments);

/// As fmt::format.
template <class... Arguments>
std::string formatted(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  return formatted_from(format, fmt::make_format_args(arguments...));
}

/// "3, 4"
std::string joined(std::span<const std::int64_t> numbers);

}  // namespace lars
