// The content of a golden file, and a case's replay through lars.h.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "support/trainee.h"

namespace lars_parity {

/// One tensor after one step, as optax left it. compare.py says how the fields are made.
struct ExpectedTensor {
  std::vector<double> values;  // of all elements, or of a sample if there are many
  std::optional<double> norm;  // of all elements, if values is a sample
  double scale;                // what units in the last place are relative to
  double float32_error;        // optax's own largest error in float32, in units
};

struct ExpectedStep {
  std::uint64_t step;  // the number of steps taken, from 1
  std::map<std::string, ExpectedTensor> tensors;
};

struct GoldenTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  Content parameter;
  Content gradient;

  [[nodiscard]] std::size_t count() const;
};

struct GoldenCase {
  std::string name;
  std::uint64_t steps;
  std::vector<GoldenTensor> tensors;
  nlohmann::json settings;
  std::vector<ExpectedStep> updates;     // from lars_update, with fresh parameters at every step
  std::vector<ExpectedStep> parameters;  // from lars_step, in place
};

/// The cases of tests/parity/golden/<group>.json.
std::vector<GoldenCase> read_golden_cases(const std::string& group);

/// Any golden file as JSON.
nlohmann::json read_golden_file(const std::string& group);

/// The indices of the elements that golden files hold of a tensor of `count` elements.
std::vector<std::size_t> sampled_indices(std::size_t count);

/// A number of a golden file; NaN and infinities, which JSON lacks, are strings.
double read_number(const nlohmann::json& content);

/// lars_set for all parameters; `key` is optax's name.
std::int32_t set_value(lars_optimizer* optimizer, const std::string& key, double value);

/// Calls lars_set and its relatives as the case says.
void apply_settings(lars_optimizer* optimizer, const nlohmann::json& settings);

}  // namespace lars_parity
