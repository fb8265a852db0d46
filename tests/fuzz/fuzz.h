// What the fuzzers share.
#pragma once

#include <lars/lars.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

namespace lars_fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// The state as a checkpoint.
inline std::string saved(lars_optimizer* optimizer) {
  std::uint64_t bytes = 0;
  require(lars_save_size(optimizer, &bytes) == LARS_OK, "the size is known");
  std::string buffer(bytes, '\0');
  require(lars_save_to(optimizer, buffer.data(), bytes) == LARS_OK, "the state can be saved");
  return buffer;
}

/// A number of the input, by which an input decides for itself what is looked at closely: the same every
/// time.
inline std::uint32_t hash(const std::uint8_t* data, std::size_t size) {
  std::uint32_t number = 2166136261U;  // FNV-1a
  for (std::size_t i = 0; i < size; ++i) number = (number ^ data[i]) * 16777619U;
  return number ^ number >> 15;
}

/// A checkpoint of the header in `data`, if there is one, made right: its length, its checksums, and as much
/// data as its tensors have. "" if there is none.
std::string mended(const std::uint8_t* data, std::size_t size);

/// The input, byte by byte; zeros when it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint32_t below(std::uint32_t limit) { return byte() % limit; }
  /// Numbers of interest, good and bad.
  double number() {
    constexpr double kNumbers[] = {0.0,   0.1,  0.5,    0.9,   1.0,  2.0,      -1.0, 1e-3, 1e-30, 1e30,
                                   1e300, 3e38, 5e-324, 100.0, -0.0, INFINITY, NAN,  0.25, 7.5,   1e-8};
    return kNumbers[below(std::size(kNumbers))];
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

/// A schedule, or one that holds why it could not be made.
inline lars_schedule* some_schedule(Input& input) {
  const double first = input.number();
  const double second = input.number();
  const std::uint32_t form = input.below(6);
  const std::uint64_t steps = input.byte();
  const std::uint64_t boundaries[] = {1, steps};
  const double scales[] = {second, 0.5};
  lars_schedule* schedule = nullptr;
  switch (form) {
    case 0: lars_schedule_linear(first, second, steps, 1, &schedule); break;
    case 1: lars_schedule_cosine_decay(first, steps, second, 1.0, &schedule); break;
    case 2: lars_schedule_exponential_decay(first, steps, second, 1, 1, nullptr, &schedule); break;
    case 3: lars_schedule_piecewise_constant(first, 2, boundaries, scales, &schedule); break;
    case 4:
      lars_schedule_piecewise_interpolate(LARS_INTERPOLATE_COSINE, first, 2, boundaries, scales, &schedule);
      break;
    default: lars_schedule_warmup_cosine_decay(first, second, 2, steps, 0.01, 1.0, &schedule); break;
  }
  return schedule;
}

}  // namespace lars_fuzz
