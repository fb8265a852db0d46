#pragma once

#include <cstdint>

namespace lars_test {

/// Calls of operator new so far, of the whole program.
std::uint64_t allocation_count();

}  // namespace lars_test
