// What the steps did to each parameter, in bulk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lars/lars.h"
#include "trust_ratio.h"

namespace lars {

/// What the steps taken so far leave of one tensor.
struct Record {
  std::uint64_t steps = 0;    // by which schedules go, and which the caller may set
  std::uint64_t taken = 0;    // really
  std::uint64_t limited = 0;  // of them, those in which a limit took hold
  std::uint64_t skips = 0;    // steps of which this tensor was a reason to skip
  LayerNorms norms = {.gradient_norm = 0.0, .trust_ratio = 0.0};  // of the last step
};

enum class Quantity : std::int32_t {
  weight_norm = LARS_TELEMETRY_WEIGHT_NORM,
  gradient_norm = LARS_TELEMETRY_GRADIENT_NORM,
  update_norm = LARS_TELEMETRY_UPDATE_NORM,
  trust_ratio = LARS_TELEMETRY_TRUST_RATIO,
  effective_rate = LARS_TELEMETRY_EFFECTIVE_RATE,
  limited_share = LARS_TELEMETRY_LIMITED_SHARE,
  skipped_share = LARS_TELEMETRY_SKIPPED_SHARE,
};
inline constexpr std::size_t kQuantities = LARS_TELEMETRY_SKIPPED_SHARE + 1;

/// The quantity of that number; LARS_ERR_ARGUMENT if there is none.
Quantity quantity_from_number(std::int32_t number);

double value_of(const Record& record, Quantity quantity);

/// Room for every quantity of every parameter, as an observer sees them.
class Telemetry {
 public:
  void prepare(std::size_t parameters);
  void fill(const std::vector<Record>& records);
  /// values()[quantity][parameter].
  [[nodiscard]] const double* const* values() const { return columns_.data(); }

 private:
  std::vector<double> values_;
  std::vector<const double*> columns_;
};

}  // namespace lars
