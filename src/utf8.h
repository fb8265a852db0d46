// Text in UTF-8: where it may be cut, what of it can be printed, and how the caller's words stand in
// messages.
#pragma once

#include <cstddef>
#include <string>
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

/// What a text begins with: a character, or a byte that is none.
struct Character {
  std::size_t bytes;
  bool valid;    // UTF-8
  bool control;  // C0, DEL or C1
};
/// Of a text that is not empty.
Character first_character(std::string_view text) noexcept;

/// Passes a text to append(piece) in pieces of valid, printable UTF-8: bytes that are not UTF-8 and control
/// characters become "\x1b". Ends where append returns false.
template <class Append>
void append_printable(std::string_view text, const Append& append) {
  constexpr const char* kDigits = "0123456789abcdef";
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.valid && !character.control) {
      if (!append(text.substr(0, character.bytes))) return;
    } else {
      for (const char byte : text.substr(0, character.bytes)) {
        const auto code = static_cast<unsigned char>(byte);
        const char escaped[] = {'\\', 'x', kDigits[code >> 4U], kDigits[code & 0xFU]};
        if (!append(std::string_view(escaped, sizeof escaped))) return;
      }
    }
    text.remove_prefix(character.bytes);
  }
}

/// A text of the caller's as messages show it: at most 96 bytes of it, and "…" for the rest, so that it does
/// not push the reason out.
std::string shown(std::string_view text);

}  // namespace lars
