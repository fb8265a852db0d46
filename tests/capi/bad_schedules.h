// Schedule callbacks that misbehave.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>

namespace lars_test {

inline std::int32_t give_half(void*, std::uint64_t, double* value) {
  *value = 0.5;
  return 0;
}
inline std::int32_t fail_schedule(void*, std::uint64_t, double*) { return 5; }
inline std::int32_t nan_schedule(void*, std::uint64_t, double* value) {
  *value = NAN;
  return 0;
}
inline std::int32_t negative_schedule(void*, std::uint64_t, double* value) {
  *value = -1.0;
  return 0;
}
inline std::int32_t throw_schedule(void*, std::uint64_t, double*) { throw std::runtime_error("schedule"); }

}  // namespace lars_test
