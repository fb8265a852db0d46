// Where text in UTF-8 may be cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace lars {

/// Whether a byte continues a character begun before it.
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// The text, cut between characters to at most `bytes`.
inline std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace lars
