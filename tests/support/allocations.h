#pragma once

#include <cstdint>

namespace lars_test {

/// Calls of operator new so far, of the whole program.
std::uint64_t allocation_count();

/// Bytes that they asked for; what was freed since counts, too.
std::uint64_t allocated_bytes();

}  // namespace lars_test
