#include "utf8.h"

#include <cstdint>

namespace lars {

/// Shortest forms only, no surrogates, nothing beyond U+10FFFF (the Unicode Standard, table 3-7).
Character first_character(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  constexpr Character kNone = {1, false, false};
  if (lead < 0x80U) return {1, true, lead < 0x20U || lead == 0x7FU};
  if (lead < 0xC2U || lead > 0xF4U) return kNone;
  const std::size_t bytes = lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
  if (text.size() < bytes) return kNone;
  std::uint32_t code = lead & (0x7FU >> bytes);
  for (const char byte : text.substr(1, bytes - 1)) {
    if (!is_continuation(byte)) return kNone;
    code = (code << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
  }
  const bool shortest = bytes == 2 || code >= (bytes == 3 ? 0x800U : 0x10000U);
  const bool surrogate = code >= 0xD800U && code <= 0xDFFFU;
  if (!shortest || surrogate || code > 0x10FFFFU) return kNone;
  return {bytes, true, code < 0xA0U};
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 96;
  const std::string_view beginning = cut(text, kMost);
  std::string printable;
  append_printable(beginning, [&printable](std::string_view piece) {
    printable += piece;
    return true;
  });
  if (beginning.size() < text.size()) printable += "…";
  return printable;
}

}  // namespace lars
