// The handles of lars.h, and the guard through which every call enters the core.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "error.h"
#include "lars/lars.h"
#include "optimizer.h"
#include "schedule.h"
#include "utf8.h"

struct lars_optimizer {
  lars::Optimizer core;
  std::atomic<bool> busy = false;
  std::array<char, 1024> message = {};  // fixed: reporting that memory ran out must not allocate
};

/// A schedule, or, if its arguments were wrong, the reason why there is none.
struct lars_schedule {
  std::optional<lars::Schedule> schedule;
  std::int32_t status = LARS_OK;
  std::string message;
};

namespace lars::capi {

/// Copies a message as printable UTF-8, cut to what fits.
inline void copy_message(std::array<char, 1024>& to, std::string_view message) noexcept {
  std::size_t size = 0;
  append_printable(message, [&](std::string_view piece) {
    if (piece.size() >= to.size() - size) return false;
    std::copy(piece.begin(), piece.end(), to.begin() + static_cast<std::ptrdiff_t>(size));
    size += piece.size();
    return true;
  });
  to[size] = '\0';
}

/// Lets one call at a time into a handle.
class Entry {
 public:
  explicit Entry(std::atomic<bool>& busy)
      : busy_(busy), entered_(!busy.exchange(true, std::memory_order_acquire)) {}
  ~Entry() {
    if (entered_) busy_.store(false, std::memory_order_release);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Entry(Entry&&) = delete;
  Entry& operator=(Entry&&) = delete;

  [[nodiscard]] bool entered() const { return entered_; }

 private:
  std::atomic<bool>& busy_;
  bool entered_;
};

/// Turns the exception in flight into a status, and passes it with its message to report(status, message).
template <class Report>
std::int32_t translate_exception(const Report& report) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return report(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return report(LARS_ERR_MEMORY, "out of memory; nothing was changed");
  } catch (const std::length_error&) {  // more than a container can count
    return report(LARS_ERR_MEMORY, "out of memory; nothing was changed");
  } catch (const std::exception& error) {
    return report(LARS_ERR_INTERNAL, error.what());
  } catch (...) {
    return report(LARS_ERR_INTERNAL, "unknown exception; please report this as a defect of liblars");
  }
}

/// Runs body(core) of a call on a handle. body returns a status; what it throws becomes one, with its
/// message.
template <class Body>
std::int32_t call(lars_optimizer* handle, const Body& body) noexcept {
  if (handle == nullptr) return LARS_ERR_ARGUMENT;
  const Entry entry(handle->busy);
  if (!entry.entered()) return LARS_ERR_BUSY;
  try {
    return body(handle->core);
  } catch (...) {
    return translate_exception([handle](std::int32_t status, const char* message) {
      copy_message(handle->message, message);
      return status;
    });
  }
}

/// LARS_ERR_ARGUMENT, naming the argument, if it is NULL.
inline void require(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(LARS_ERR_ARGUMENT, "{} is NULL; this argument is required", name);
}

/// An argument that says yes or no; LARS_ERR_ARGUMENT, naming it, if it is neither 1 nor 0.
inline bool flag(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) {
    fail(LARS_ERR_ARGUMENT, "{}: {} is not allowed; it must be 0 or 1", name, value);
  }
  return value == 1;
}

/// As require, for arrays and buffers that may be NULL if there is nothing in them.
inline void require_unless(bool nothing, const void* pointer, const char* name) {
  if (!nothing) require(pointer, name);
}

/// The schedule in a handle; LARS_ERR_ARGUMENT if there is no handle, and its own status if it could not be
/// made.
inline const Schedule& require_schedule(const lars_schedule* schedule, const char* name) {
  require(schedule, name);
  if (!schedule->schedule) throw Error(schedule->status, schedule->message);
  return *schedule->schedule;
}

}  // namespace lars::capi
