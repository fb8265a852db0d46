// What a person watching a run sees: one live line on a terminal, one line per epoch in a log.
#pragma once

#include <chrono>
#include <cstdio>

#include "history.hpp"

namespace large_batch {

class Progress {
 public:
  // Writes to stream; it is live if the stream is a terminal.
  Progress(std::FILE* stream, std::size_t epochs, std::size_t steps_per_epoch, std::size_t images_per_epoch);

  // After a step: images is the number seen in this epoch, loss the mean of the step's batch.
  void show_step(std::size_t epoch, std::size_t step, std::size_t images, double loss);

  void show_epoch(const EpochRecord& record);

  // Removes the live line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point start);

  std::FILE* stream_;
  bool live_;
  std::size_t epochs_;
  std::size_t steps_per_epoch_;
  std::size_t images_per_epoch_;
  Clock::time_point start_;
  Clock::time_point epoch_start_;
  Clock::time_point last_shown_;
};

}  // namespace large_batch
