// Floating-point environments that a host may have set when it calls the library.
#pragma once

#include <gtest/gtest.h>

#include <cfenv>
#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#error "tests/support/floating_point.h knows no control register of this processor"
#endif

namespace lars_test {

/// The processor's control of floating-point arithmetic: rounding, subnormal numbers, traps; not the flags.
inline std::uint64_t control_words() {
#if defined(__SSE2__)
  constexpr std::uint32_t kFlags = 0x3f;
  std::uint16_t x87 = 0;
  __asm__ volatile("fnstcw %0" : "=m"(x87));
  return (std::uint64_t{x87} << 32) | (_mm_getcsr() & ~kFlags);
#else
  std::uint64_t fpcr = 0;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr;
#endif
}

/// Subnormal numbers count as zero, as operands and as results (x86: FTZ and DAZ; ARM: FZ).
inline void flush_subnormals() {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040U);
#else
  __asm__ volatile("msr fpcr, %0" : : "r"(control_words() | (std::uint64_t{1} << 24)));
#endif
}

struct Host {
  const char* name;
  bool flush = false;
  int rounding = FE_TONEAREST;
};

inline constexpr Host kUsualHost = {"usual"};

/// Those that differ from the usual one.
inline constexpr Host kHosts[] = {{"flushing", true},
                                  {"upward", false, FE_UPWARD},
                                  {"downward", false, FE_DOWNWARD},
                                  {"toward zero", false, FE_TOWARDZERO},
                                  {"flushing downward", true, FE_DOWNWARD}};

/// The calling thread's environment is the host's while this lives, and nobody else may change it.
class HostEnvironment {
 public:
  explicit HostEnvironment(const Host& host) {
    std::fegetenv(&usual_);
    std::fesetround(host.rounding);
    if (host.flush) flush_subnormals();
    words_ = control_words();
  }
  ~HostEnvironment() {
    const std::uint64_t left = control_words();
    std::fesetenv(&usual_);
#ifdef __MINGW32__
    _mm_setcsr(usual_sse_);  // which mingw-w64's fesetenv leaves as it is
#endif
    EXPECT_EQ(left, words_) << "a call changed the host's floating-point environment";
  }
  HostEnvironment(const HostEnvironment&) = delete;
  HostEnvironment& operator=(const HostEnvironment&) = delete;
  HostEnvironment(HostEnvironment&&) = delete;
  HostEnvironment& operator=(HostEnvironment&&) = delete;

 private:
  std::fenv_t usual_ = {};
#ifdef __MINGW32__
  unsigned usual_sse_ = _mm_getcsr();
#endif
  std::uint64_t words_ = 0;
};

}  // namespace lars_test
