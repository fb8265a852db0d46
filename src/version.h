/// The library's version as text: that of lars.h, the one place where it is written.
#pragma once

#include "lars/lars.h"

#define LARS_STRINGIFY_(x) #x
#define LARS_STRINGIFY(x) LARS_STRINGIFY_(x)

namespace lars {

inline constexpr const char* kVersion = LARS_STRINGIFY(LARS_VERSION_MAJOR) "." LARS_STRINGIFY(
    LARS_VERSION_MINOR) "." LARS_STRINGIFY(LARS_VERSION_PATCH);

}  // namespace lars

#undef LARS_STRINGIFY
#undef LARS_STRINGIFY_
