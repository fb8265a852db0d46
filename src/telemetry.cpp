#include "telemetry.h"

#include <algorithm>
#include <limits>

#include "error.h"

namespace lars {
namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Quantity quantity_from_number(std::int32_t number) {
  if (number < 0 || number >= static_cast<std::int32_t>(kQuantities)) {
    fail(LARS_ERR_ARGUMENT,
         "quantity {} is unknown; the quantities are LARS_TELEMETRY_WEIGHT_NORM (0) to "
         "LARS_TELEMETRY_SKIPPED_SHARE ({})",
         number, kQuantities - 1);
  }
  return static_cast<Quantity>(number);
}

double value_of(const Record& record, Quantity quantity) {
  if (record.taken == 0 && quantity != Quantity::skipped_share)
    return 0.0;  // whatever a file says of its norms
  switch (quantity) {
    case Quantity::weight_norm: return record.norms.weight_norm;
    case Quantity::gradient_norm: return record.norms.gradient_norm;
    case Quantity::update_norm: return record.norms.update_norm;
    case Quantity::trust_ratio: return record.norms.trust_ratio;
    case Quantity::effective_rate: return record.norms.effective_rate;
    case Quantity::limited_share: return share(record.limited, record.taken);
    case Quantity::skipped_share: return share(record.skips, record.taken + record.skips);
  }
  return 0.0;
}

void Telemetry::prepare(std::size_t parameters) {
  values_.resize(kQuantities * parameters);
  columns_.resize(kQuantities);
  for (std::size_t i = 0; i < kQuantities; ++i) columns_[i] = values_.data() + i * parameters;
  stale_ = true;
}

void Telemetry::fill(const std::vector<Record>& records, std::size_t first, std::size_t last) {
  if (stale_) {
    first = 0;
    last = records.size();
  }
  for (std::size_t quantity = 0; quantity < kQuantities; ++quantity) {
    for (std::size_t i = first; i < last; ++i) {
      values_[quantity * records.size() + i] = value_of(records[i], static_cast<Quantity>(quantity));
    }
  }
  stale_ = false;
}

std::uint64_t LeastSteps::of(const std::vector<Record>& records) {
  if (!known_) count(records);
  return least_;
}

void LeastSteps::stepped(std::uint64_t before) {
  if (!known_ || before == std::numeric_limits<std::uint64_t>::max()) return;  // where counts stay
  if (before == least_) {
    --at_least_;
    ++ahead_;
  } else if (before == least_ + 1) {
    --ahead_;
    others_ = std::min(others_, least_ + 2);
  }
  if (at_least_ != 0) return;
  ++least_;
  at_least_ = ahead_;
  ahead_ = 0;
  known_ = others_ > least_ + 1;
}

void LeastSteps::count(const std::vector<Record>& records) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  least_ = records.empty() ? 0 : kMost;
  for (const Record& record : records) least_ = std::min(least_, record.steps);
  at_least_ = 0;
  ahead_ = 0;
  others_ = kMost;
  for (const Record& record : records) {
    if (record.steps == least_) {
      ++at_least_;
    } else if (record.steps == least_ + 1) {
      ++ahead_;
    } else {
      others_ = std::min(others_, record.steps);
    }
  }
  known_ = true;
}

}  // namespace lars
