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

/// What was really looked at, printed when the process ends, in the manner of libFuzzer's statistics, and now
/// and then, because a signal ends it without more words.
struct Counts {
  std::uint64_t failing_calls = 0;         // around which the state was compared
  std::uint64_t checkpoints_compared = 0;  // of two states, byte by byte
  std::uint64_t resumes = 0;           // runs that were saved, loaded and went on beside the one that did not
  std::uint64_t results_compared = 0;  // of a call on both handles: statuses, bits, observable state
  std::uint64_t checkpoints_loaded = 0;
  std::uint64_t executions = 0;

  void count_execution() {
    if (++executions % 16384 == 0) print();
  }
  ~Counts() {
    if (executions != 0) print();
  }
  void print() const {
    const auto line = [](const char* name, std::uint64_t count) {
      std::fprintf(stderr, "stat::%s: %llu\n", name, static_cast<unsigned long long>(count));
    };
    line("failing_calls", failing_calls);
    line("checkpoints_compared", checkpoints_compared);
    line("resumes", resumes);
    line("results_compared", results_compared);
    line("checkpoints_loaded", checkpoints_loaded);
  }
};
inline Counts counts;

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

}  // namespace lars_fuzz
