// The caller's buffers of one step, and what must hold of them before anything is written.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "parameter.h"

namespace lars {

/// Memory of one tensor in one step. Either `in_place` (the parameter, read and written), or `parameter`
/// (only read) and perhaps `update` (only written).
struct TensorBuffers {
  const void* parameter = nullptr;
  const void* gradient = nullptr;
  void* in_place = nullptr;  // equal to parameter, or null
  void* update = nullptr;    // null: nothing is written
  bool accumulated = false;  // the gradient is the library's accumulator, in the compute type
  bool external = false;     // momentum and master are the caller's
  void* momentum = nullptr;
  void* master = nullptr;

  bool operator==(const TensorBuffers&) const = default;
};

/// Checks the buffers of a step, and remembers those that passed: trainers pass the same ones step after
/// step.
class BufferCheck {
 public:
  /// Reserves memory for as many tensors, so that checks allocate nothing.
  void prepare(std::size_t tensors);

  /// Forgets what passed: sizes have changed.
  void forget() { passed_.clear(); }

  /// What buffers are for: `in_place` or `update` is written, or both are null and only the gradients
  /// (perhaps the parameters, too) are read.
  enum class Use : std::uint8_t { step, update, read_gradients, read_both };

  /// LARS_ERR_ARGUMENT for NULL, LARS_ERR_ALIGNMENT, or LARS_ERR_ALIAS if a written buffer overlaps another.
  /// buffers[i] belongs to parameters[first + i].
  void check(const std::deque<Parameter>& parameters, std::uint32_t first,
             std::span<const TensorBuffers> buffers, Use use);

 private:
  enum class Role : std::uint8_t { parameter, gradient, update, momentum, master };

  struct Interval {
    std::uintptr_t begin;
    std::uintptr_t end;
    std::uint32_t index;
    Role role;
    bool written;
  };

  void add_interval(const Parameter& parameter, std::uint32_t index, const void* memory, Role role,
                    ElementType type, bool written);
  void check_overlap(const std::deque<Parameter>& parameters);

  static const char* role_name(Role role);

  std::vector<Interval> intervals_;
  std::vector<TensorBuffers> passed_;
  std::uint32_t passed_first_ = 0;
  Use passed_use_ = Use::step;
};

}  // namespace lars
