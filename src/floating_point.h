// The calling thread's control of floating-point arithmetic: rounding mode, subnormal numbers, traps.
#pragma once

#include <cfenv>

#ifdef __MINGW32__
#include <xmmintrin.h>
#endif

namespace lars {

class FloatingPoint {
 public:
  static FloatingPoint current() {
    FloatingPoint control;
    std::fegetenv(&control.environment_);
#ifdef __MINGW32__
    control.mxcsr_ = _mm_getcsr();
#endif
    return control;
  }

  void apply() const {
    std::fesetenv(&environment_);
#ifdef __MINGW32__
    _mm_setcsr(mxcsr_);
#endif
  }

 private:
  std::fenv_t environment_ = {};
#ifdef __MINGW32__
  unsigned mxcsr_ = 0;  // mingw-w64's fesetenv leaves the register of SSE and AVX as it is
#endif
};

}  // namespace lars
