// A training run that may be killed at any moment, and then be begun again where it was.
#pragma once

#include <cstddef>
#include <string>

namespace lars_test {

/// What runs differ in: variant, schedules, clipping, accumulation. All have tensors of every type.
std::size_t scenario_count();
const char* scenario_name(std::size_t scenario);

/// Trains in `folder`, from where an earlier run there was stopped, to the end. Returns a digest of
/// parameters and state. Throws std::runtime_error if anything fails.
std::string train(const std::string& folder, std::size_t scenario);

}  // namespace lars_test
