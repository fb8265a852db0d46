/**
 * @file
 * Functions of the program that the library calls.
 */
#ifndef LARS_CPP_CALLBACKS_HPP
#define LARS_CPP_CALLBACKS_HPP

#include <cstdint>
#include <functional>

#include "../lars.h"
#include "keys.hpp"
#include "thrown.hpp"
#include "views.hpp"

namespace lars {
inline namespace cpp {

/// What an observer is told of a step; the values are borrowed for the call.
class StepReport {
 public:
  StepReport(std::int32_t status, std::uint64_t steps, std::uint32_t count, std::uint32_t quantity_count,
             const double* const* quantities)
      : status_(status),
        steps_(steps),
        count_(count),
        quantity_count_(quantity_count),
        quantities_(quantities) {}

  [[nodiscard]] bool skipped() const noexcept { return status_ == LARS_SKIPPED; }
  /// As by step_count.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  /// Of each parameter's last step; empty if the library that runs does not know the quantity.
  [[nodiscard]] Span<const double> operator[](Telemetry quantity) const noexcept {
    const auto index = static_cast<std::uint32_t>(quantity);
    if (index >= quantity_count_) return {};
    return {quantities_[index], count_};
  }

 private:
  std::int32_t status_;
  std::uint64_t steps_;
  std::uint32_t count_;
  std::uint32_t quantity_count_;
  const double* const* quantities_;
};

/// Must not throw: the step is done by then, and what is thrown is dropped.
using Observer = std::function<void(const StepReport&)>;

/// A host's pool: run(count, task) calls task(i) once for each i below count, and returns after the last.
using ParallelFor = std::function<void(std::uint32_t count, const std::function<void(std::uint32_t)>& task)>;

/// Points to a predicate: an object, which may change as it is called, or a function, whose address is none
/// of an object's.
template <class Predicate>
struct PredicateUser {
  Predicate* predicate;
};

template <class Predicate>
std::int32_t call_predicate(void* user, std::uint32_t index, const char* name, std::int32_t type,
                            std::uint32_t ndim, const std::int64_t* shape) {
  Predicate& predicate = *static_cast<PredicateUser<Predicate>*>(user)->predicate;
  return Thrown::keep([&]() -> std::int32_t {
    return predicate(Parameter{index, name, static_cast<Type>(type), {shape, ndim}}) ? 1 : 0;
  });
}

inline void call_observer(void* user, std::int32_t status, std::uint64_t steps, std::uint32_t count,
                          std::uint32_t quantity_count, const double* const* quantities) {
  (*static_cast<const Observer*>(user))(StepReport(status, steps, count, quantity_count, quantities));
}

inline std::int32_t call_parallel_for(void* user, std::uint32_t count, lars_task task, void* context) {
  return Thrown::keep([&]() -> std::int32_t {
    (*static_cast<const ParallelFor*>(user))(count, [=](std::uint32_t index) { task(context, index); });
    return 0;
  });
}

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_CALLBACKS_HPP
