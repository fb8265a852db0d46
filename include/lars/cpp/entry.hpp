/**
 * @file
 * One call at a time on an object, as lars.h has it for a handle.
 */
#ifndef LARS_CPP_ENTRY_HPP
#define LARS_CPP_ENTRY_HPP

#include <atomic>

namespace lars {
inline namespace cpp {

/// With Status::busy; the words are lars_error_message's. That function itself would give an older error's
/// words by then, if the call that was in the way has returned in the meantime.
inline constexpr const char* busy_message =
    "another call on this handle is running; one handle serves one call at a time";

/// Whether a call on an object runs. It stays with its place: an object that is moved is not in a call.
class Busy {
 public:
  Busy() noexcept = default;
  Busy(Busy&& /*other*/) noexcept {}
  Busy& operator=(Busy&& /*other*/) noexcept { return *this; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() = default;

 private:
  friend class Entry;
  std::atomic<bool> flag_{false};
};

/// Lets one call at a time in; also none of those that it calls back.
class Entry {
 public:
  explicit Entry(Busy& busy) noexcept
      : flag_(busy.flag_), entered_(!flag_.exchange(true, std::memory_order_acquire)) {}
  ~Entry() {
    if (entered_) flag_.store(false, std::memory_order_release);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Entry(Entry&&) = delete;
  Entry& operator=(Entry&&) = delete;

  [[nodiscard]] bool entered() const noexcept { return entered_; }

 private:
  std::atomic<bool>& flag_;
  bool entered_;
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_ENTRY_HPP
