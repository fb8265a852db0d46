#define FMT_HEADER_ONLY  // here alone: whoever links the static library need not link fmt
#include "text.h"

#include <fmt/format.h>

namespace lars {

std::string formatted_from(fmt::string_view format, fmt::format_args arguments) {
  return fmt::vformat(format, arguments);
}

std::string joined(std::span<const std::int64_t> numbers) {
  return fmt::format("{}", fmt::join(numbers, ", "));
}

}  // namespace lars
