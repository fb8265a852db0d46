// The choice of kernels.
#include "kernels/kernels.h"

#include <algorithm>
#include <string>

#include "error.h"
#include "utf8.h"

namespace lars {

const KernelSet& kernel_set(std::string_view name) {
  const std::vector<const KernelSet*> simd = simd_kernel_sets();
  if (name == kReferenceKernels.name || (name == "auto" && simd.empty())) return kReferenceKernels;
#ifdef LARS_WITH_OPENBLAS
  if (name == blas_kernels().name) return blas_kernels();
  constexpr const char* kBlas = "\"blas\"";
#else
  constexpr const char* kBlas = "no \"blas\", which this liblars was built without";
#endif
  if ((name == "auto" || name == "simd") && !simd.empty()) return *simd.front();
  const auto found =
      std::find_if(simd.begin(), simd.end(), [name](const KernelSet* set) { return name == set->name; });
  if (found != simd.end()) return **found;
  std::string targets = simd.empty() ? "" : "\"simd\", ";
  for (const KernelSet* set : simd) targets += formatted("\"{}\", ", set->name);
  fail(LARS_ERR_ARGUMENT,
       "kernels: \"{}\" is unknown or not for this processor; the choices here are \"auto\", {}\"reference\" "
       "and {}",
       shown(name), targets, kBlas);
}

}  // namespace lars
