#include "buffers.h"

#include <algorithm>

#include "error.h"

namespace lars {

void BufferCheck::prepare(std::size_t tensors) {
  intervals_.reserve(3 * tensors);  // five with a state of the caller's: see check
  passed_.reserve(tensors);
  passed_.clear();
}

const char* BufferCheck::role_name(Role role) {
  switch (role) {
    case Role::parameter: return "parameter";
    case Role::gradient: return "gradient";
    case Role::update: return "update";
    case Role::momentum: return "momentum";
    case Role::master: return "master";
  }
  return "";
}

void BufferCheck::add_interval(const Parameter& parameter, std::uint32_t index, const void* memory, Role role,
                               ElementType type, bool written) {
  if (parameter.count == 0) return;
  if (memory == nullptr) {
    fail(LARS_ERR_ARGUMENT, "{} of '{}' (index {}) is NULL; it must point to {} elements", role_name(role),
         parameter.name, index, parameter.count);
  }
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  if (begin % element_size(type) != 0) {
    fail(LARS_ERR_ALIGNMENT,
         "{} of '{}' (index {}) is at address 0x{:x}, which is not a multiple of its element size {}",
         role_name(role), parameter.name, index, begin, element_size(type));
  }
  intervals_.push_back({begin, begin + parameter.count * element_size(type), index, role, written});
}

void BufferCheck::check(const std::deque<Parameter>& parameters, std::uint32_t first,
                        std::span<const TensorBuffers> buffers, Use use) {
  if (first == passed_first_ && use == passed_use_ &&
      std::equal(buffers.begin(), buffers.end(), passed_.begin(), passed_.end())) {
    return;
  }
  intervals_.clear();
  if (!buffers.empty() && buffers.front().external) intervals_.reserve(5 * buffers.size());
  for (std::uint32_t i = 0; i < buffers.size(); ++i) {
    const std::uint32_t index = first + i;
    const Parameter& parameter = parameters[index];
    const TensorBuffers& tensor = buffers[i];
    if (use != Use::read_gradients) {
      add_interval(parameter, index, tensor.parameter, Role::parameter, parameter.type, use == Use::step);
    }
    if (!tensor.accumulated) {
      add_interval(parameter, index, tensor.gradient, Role::gradient, parameter.gradient_type, false);
    }
    if (use == Use::update) {
      add_interval(parameter, index, tensor.update, Role::update, parameter.type, true);
    }
    if (tensor.external) {
      add_interval(parameter, index, tensor.momentum, Role::momentum, compute_type(parameter.type), true);
      if (master_size(parameter.type) != 0) {
        const bool whole = parameter.type == ElementType::f16;
        add_interval(parameter, index, tensor.master, Role::master, whole ? ElementType::f32 : parameter.type,
                     true);
      }
    }
  }
  if (use == Use::step || use == Use::update) check_overlap(parameters);
  passed_.assign(buffers.begin(), buffers.end());
  passed_first_ = first;
  passed_use_ = use;
}

void BufferCheck::check_overlap(const std::deque<Parameter>& parameters) {
  std::sort(intervals_.begin(), intervals_.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  const Interval* furthest = nullptr;          // of all intervals so far, the one that ends last
  const Interval* furthest_written = nullptr;  // of those that are written
  for (const Interval& interval : intervals_) {
    const Interval* other = interval.written ? furthest : furthest_written;
    if (other != nullptr && interval.begin < other->end) {
      fail(
          LARS_ERR_ALIAS,
          "{} of '{}' (index {}) and {} of '{}' (index {}) overlap in memory; a buffer that is written needs "
          "its own",
          role_name(other->role), parameters[other->index].name, other->index, role_name(interval.role),
          parameters[interval.index].name, interval.index);
    }
    if (furthest == nullptr || interval.end > furthest->end) furthest = &interval;
    if (interval.written && (furthest_written == nullptr || interval.end > furthest_written->end)) {
      furthest_written = &interval;
    }
  }
}

}  // namespace lars
