#include "selector.h"

#include <cstddef>

namespace lars {
namespace {

/// Matches one pattern element other than `*` at `at` against a byte; advances `at` beyond it.
bool element_matches(std::string_view pattern, std::size_t& at, char byte) {
  if (pattern[at] == '?') {
    ++at;
    return true;
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == byte;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t in_pattern = 0;
  std::size_t in_name = 0;
  std::size_t after_star = kNone;  // where to resume when the text taken by the last star must grow
  std::size_t star_end = 0;
  while (in_name < name.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_end = in_name;
    } else if (in_pattern < pattern.size() && element_matches(pattern, in_pattern, name[in_name])) {
      ++in_name;
    } else if (after_star != kNone) {
      in_pattern = after_star;
      in_name = ++star_end;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

}  // namespace lars
