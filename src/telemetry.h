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
  /// Records were changed by other means than a step that fill is told of.
  void forget() { stale_ = true; }
  /// Takes over records first to last - 1, or all if others may have changed: trainers that step tensor by
  /// tensor do not pay for all of them each time.
  void fill(const std::vector<Record>& records, std::size_t first, std::size_t last);
  /// values()[quantity][parameter].
  [[nodiscard]] const double* const* values() const { return columns_.data(); }

 private:
  std::vector<double> values_;
  std::vector<const double*> columns_;
  bool stale_ = true;
};

/// The least of the records' step counts, known without a look at all of them: as long as the tensors go from
/// step to step together, in whatever order, those at the least and those one step ahead are counted.
class LeastSteps {
 public:
  std::uint64_t of(const std::vector<Record>& records);
  /// A record has taken its step number `before` + 1.
  void stepped(std::uint64_t before);
  /// Records were changed otherwise.
  void forget() { known_ = false; }

 private:
  void count(const std::vector<Record>& records);

  bool known_ = false;
  std::uint64_t least_ = 0;
  std::size_t at_least_ = 0;  // so many records are there
  std::size_t ahead_ = 0;     // and so many one step ahead
  std::uint64_t others_ = 0;  // the rest have at least so many steps
};

}  // namespace lars
