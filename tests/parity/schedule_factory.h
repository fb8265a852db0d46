// Schedules of lars.h from their description in golden files, which carries optax's names.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "support/trainee.h"

namespace lars_parity {

/// liblars refused the arguments.
struct RefusedSchedule : std::runtime_error {
  RefusedSchedule(std::int32_t status_, const std::string& message)
      : std::runtime_error(message), status(status_) {}
  std::int32_t status;
};

/// {"schedule": optax's function, "arguments": {...}} as a schedule. Throws RefusedSchedule.
lars_test::ScheduleHandle make_described_schedule(const nlohmann::json& description);

}  // namespace lars_parity
