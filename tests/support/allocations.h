#pragma once

#include <cstdint>

namespace lars_test {

/// Whether the library's calls of operator new are counted, and not the program's alone. Sanitizers bring an
/// operator new of their own, in which nothing is counted, and so does a DLL.
bool library_allocations_are_counted();

/// Calls of operator new so far, of the whole program.
std::uint64_t allocation_count();

/// Bytes that they asked for; what was freed since counts, too.
std::uint64_t allocated_bytes();

}  // namespace lars_test
