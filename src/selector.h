// Globs on parameter names.
#pragma once

#include <string_view>

namespace lars {

/// Whether the whole name matches: `*` any text, `?` one byte, `\` takes the next character literally.
/// Brackets stand for themselves, since names such as "layers[0].bias" have them.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace lars
