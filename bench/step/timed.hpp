// How long something takes.
#pragma once

#include <chrono>

namespace lars_bench {

/// Seconds of body().
template <class Body>
double timed(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace lars_bench
