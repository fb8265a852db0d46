#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

namespace large_batch {
namespace {

constexpr double kSecondsBetweenUpdates = 0.1;

std::string minutes(double seconds) {
  const long whole = std::lround(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::FILE* stream, std::size_t epochs, std::size_t steps_per_epoch,
                   std::size_t images_per_epoch)
    : stream_(stream),
      live_(isatty(fileno(stream)) == 1),
      epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      images_per_epoch_(images_per_epoch),
      start_(Clock::now()),
      epoch_start_(start_),
      last_shown_(start_) {}

double Progress::seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Progress::show_step(std::size_t epoch, std::size_t step, std::size_t images, double loss) {
  if (!live_ || seconds_since(last_shown_) < kSecondsBetweenUpdates) return;
  last_shown_ = Clock::now();
  const double done =
      static_cast<double>(epoch - 1) + static_cast<double>(images) / static_cast<double>(images_per_epoch_);
  const double left = seconds_since(start_) / done * (static_cast<double>(epochs_) - done);
  fmt::print(stream_, "\r\033[Kepoch {}/{}  step {}/{}  {:.0f} images/s  loss {:.4f}  {} left", epoch,
             epochs_, step, steps_per_epoch_, static_cast<double>(images) / seconds_since(epoch_start_), loss,
             minutes(left));
  static_cast<void>(std::fflush(stream_));
}

void Progress::show_epoch(const EpochRecord& record) {
  clear();
  const double left =
      seconds_since(start_) / static_cast<double>(record.epoch) * static_cast<double>(epochs_ - record.epoch);
  fmt::print(
      stream_, "epoch {:>3}/{}  loss {:.4f}  train {:6.2f} %  test {:6.2f} %  {:.0f} images/s  {} left\n",
      record.epoch, epochs_, record.train_loss, 100.0 * record.train_accuracy, 100.0 * record.test_accuracy,
      static_cast<double>(images_per_epoch_) / seconds_since(epoch_start_), minutes(left));
  static_cast<void>(std::fflush(stream_));
  epoch_start_ = Clock::now();
}

void Progress::clear() {
  if (live_) fmt::print(stream_, "\r\033[K");
}

}  // namespace large_batch
