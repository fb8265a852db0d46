// What a host can see of an optimizer, as one number: cheap enough to be taken around every call.
#pragma once

#include <array>
#include <bit>

#include "fuzz.h"

namespace lars_fuzz {

class Digest {
 public:
  void add(std::uint64_t word) {
    number_ = (number_ ^ word) * 0x9e3779b97f4a7c15U;
    number_ ^= number_ >> 32;
  }
  /// Which NaN a NaN is, is not defined.
  void add(double value) { add(std::isnan(value) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(value)); }
  void add_status(std::int32_t status) { add(static_cast<std::uint64_t>(std::uint32_t(status))); }
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  std::uint64_t number_ = 1;
};

/// Of hyper-parameters at the next step, counts, types, norms, telemetry, and what was accumulated and
/// skipped.
/// Of at most as many parameters as the fuzzers have.
inline std::uint64_t observed(lars_optimizer* optimizer) {
  Digest digest;
  const auto add_count = [&](std::int32_t status, std::uint64_t count) {
    digest.add_status(status);
    digest.add(count);
  };
  std::array<std::uint64_t, 3> numbers = {};
  add_count(lars_step_count(optimizer, &numbers[0]), numbers[0]);
  add_count(lars_skip_count(optimizer, &numbers[0], &numbers[1]), numbers[0]);
  digest.add(numbers[1]);
  std::array<std::uint32_t, 2> small = {};
  add_count(lars_accumulated(optimizer, &small[0], &small[1]), small[0]);
  digest.add(std::uint64_t{small[1]});
  add_count(lars_parameter_count(optimizer, &small[0]), small[0]);
  std::array<double, 8> values = {};
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    digest.add_status(lars_telemetry(optimizer, quantity, values.data()));
    for (std::uint32_t i = 0; i < small[0]; ++i) digest.add(values[i]);
  }
  for (std::uint32_t i = 0; i < small[0]; ++i) {
    for (std::int32_t key = LARS_LEARNING_RATE; key <= LARS_CLIP_VALUE; ++key) {
      double value = 0.0;
      digest.add_status(lars_get(optimizer, i, key, &value));
      digest.add(value);
    }
    std::int32_t type = 0;
    add_count(lars_parameter_step_count(optimizer, i, &numbers[0]), numbers[0]);
    digest.add_status(lars_gradient_dtype(optimizer, i, &type));
    digest.add_status(type);
    digest.add_status(lars_norms(optimizer, i, &values[0], nullptr, nullptr));
  }
  return digest.number();
}

}  // namespace lars_fuzz
