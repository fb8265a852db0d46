// The variants of LARS by name: which choices each of them makes.
#pragma once

#include <cstdint>
#include <span>

#include "hyperparameters.h"

namespace lars {

struct Choice {
  Key key;
  double value;
};

/// The choices of LARS_VARIANT_*; LARS_ERR_VALUE for any other number.
std::span<const Choice> variant_choices(std::int32_t variant);

}  // namespace lars
