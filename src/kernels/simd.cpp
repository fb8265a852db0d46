// The SIMD kernels: simd-inl.h compiled once for each instruction set, and the list of those that can run
// here.
//
// Left out: SVE and RVV, whose vectors have no size at compile time, and the variants of AVX-512 and NEON
// that add nothing used here. A build for such a processor alone (-march=native) takes the set below that.
#define LARS_DISABLED_TARGETS                                                                      \
  (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2 | HWY_NEON_BF16 | HWY_SVE | HWY_SVE2 | \
   HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#if defined(__MINGW32__) && !defined(__clang__)
// gcc for Windows aligns vectors of 32 bytes and more on a stack that is aligned to 16
// (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=54412), and gcc 12 keeps them across calls in registers of
// which functions there preserve 16 bytes: seen to lose half a row here. clang does neither.
#define HWY_DISABLED_TARGETS (LARS_DISABLED_TARGETS | HWY_AVX3 | HWY_AVX2)
#elif defined(LARS_FEWER_TARGETS)  // for builds whose instrumentation makes every target take minutes
#define HWY_DISABLED_TARGETS (LARS_DISABLED_TARGETS | HWY_SSE4 | HWY_SSSE3)
#else
#define HWY_DISABLED_TARGETS LARS_DISABLED_TARGETS
#endif

#include <hwy/detect_targets.h>
// Those that this version of Highway does not have. To the preprocessor they were 0 already.
#ifndef HWY_AVX3_ZEN4
#define HWY_AVX3_ZEN4 0
#endif
#ifndef HWY_AVX3_SPR
#define HWY_AVX3_SPR 0
#endif
#ifndef HWY_AVX10_2
#define HWY_AVX10_2 0
#endif
#ifndef HWY_NEON_BF16
#define HWY_NEON_BF16 0
#endif
#ifndef HWY_SSE2
#define HWY_SSE2 0
#endif
#ifndef HWY_NEON_WITHOUT_AES
#define HWY_NEON_WITHOUT_AES 0
#endif

// Highway's targets for a processor without vectors, or an x86-64 without SSSE3. The reference kernels serve
// it: they take five sixths of the time of these kernels for HWY_SCALAR (gcc), three quarters of that for
// HWY_EMU128 (clang), which were 40 % of the library and of the time to compile it.
#define LARS_NO_VECTORS (HWY_EMU128 | HWY_SCALAR)

#if (HWY_STATIC_TARGET & (HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_SSSE3 | HWY_SSE2 | HWY_NEON | \
                          HWY_NEON_WITHOUT_AES | LARS_NO_VECTORS)) == 0
#error \
    "kSimdTargets has no kernels for the instruction set of this build: leave out -march, or define HWY_COMPILE_ONLY_EMU128"
#endif

#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd-inl.h"
#include <hwy/foreach_target.h>
// Last, once more, for the target of the whole build.
#if HWY_TARGET & ~LARS_NO_VECTORS
#include "kernels/simd-inl.h"
#endif
#include <hwy/targets.h>

#if HWY_ONCE
namespace lars {
namespace {

struct SimdTarget {
  std::int64_t target;
  KernelSet kernels;
};

/// The widest first.
constexpr std::initializer_list<SimdTarget> kSimdTargets = {
#if HWY_TARGETS & HWY_AVX3
    {HWY_AVX3, N_AVX3::simd_kernels("simd/AVX3")},
#endif
#if HWY_TARGETS & HWY_AVX2
    {HWY_AVX2, N_AVX2::simd_kernels("simd/AVX2")},
#endif
#if HWY_TARGETS & HWY_SSE4
    {HWY_SSE4, N_SSE4::simd_kernels("simd/SSE4")},
#endif
#if HWY_TARGETS & HWY_SSSE3
    {HWY_SSSE3, N_SSSE3::simd_kernels("simd/SSSE3")},
#endif
#if HWY_TARGETS & HWY_SSE2
    {HWY_SSE2, N_SSE2::simd_kernels("simd/SSE2")},
#endif
#if HWY_TARGETS & HWY_NEON
    {HWY_NEON, N_NEON::simd_kernels("simd/NEON")},
#endif
#if HWY_TARGETS & HWY_NEON_WITHOUT_AES
    {HWY_NEON_WITHOUT_AES, N_NEON_WITHOUT_AES::simd_kernels("simd/NEON_WITHOUT_AES")},
#endif
};

}  // namespace

std::vector<const KernelSet*> simd_kernel_sets() {
  static const std::int64_t kSupported =
      hwy::SupportedTargets();  // asks the processor: 0.1 ms in a virtual machine
  std::vector<const KernelSet*> sets;
  for (const SimdTarget& target : kSimdTargets) {
    if ((kSupported & target.target) != 0) sets.push_back(&target.kernels);
  }
#if HWY_STATIC_TARGET & ~LARS_NO_VECTORS
  // The last is what this build requires of any processor it runs on.
  if (sets.empty()) sets.push_back(&std::end(kSimdTargets)[-1].kernels);
#endif
  return sets;
}

}  // namespace lars
#endif  // HWY_ONCE
