// The table of bad input: one row for every way a call of lars.h can be wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {

/// A trained model of three tensors and the buffers of its next step, on which a row makes its bad call.
struct World {
  World();

  [[nodiscard]] lars_optimizer* get() const { return trainee.get(); }

  Trainee trainee;
  std::vector<void*> w;
  std::vector<const void*> g;
  std::vector<Bytes> update_memory;
  std::vector<void*> updates;
  ScheduleHandle schedule;        // a valid one
  ScheduleHandle broken;          // one that could not be made
  OptimizerHandle fresh;          // of rows that need one without steps; the message is then its
  lars_schedule* made = nullptr;  // what a constructor wrote; released by the world
  std::uint32_t number = 77;      // outputs, which a failing call must leave alone
  std::int32_t dtype = 77;
  std::uint64_t count = 77;
  double value = 77.0;

  ~World() { lars_schedule_destroy(made); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
};

struct Row {
  std::string function;
  std::string argument;
  std::string mistake;
  std::int32_t status;
  std::vector<std::string> message;  // texts that it must contain: the argument, the value, the limit
  std::function<std::int32_t(World&)> call;
};

/// Rows of functions that take an optimizer.
std::vector<Row> optimizer_rows();

/// Of these, rows of element types, threads and accumulation; of keys and their values; of variants,
/// clipping, telemetry and checkpoints.
std::vector<Row> execution_rows();
std::vector<Row> key_rows();
std::vector<Row> record_rows();
/// Of arrays that are checked, and of a state of the caller's.
std::vector<Row> array_rows();

/// Rows of schedules.
std::vector<Row> schedule_rows();

}  // namespace lars_test
