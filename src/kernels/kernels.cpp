// The choice of kernels.
#include "kernels/kernels.h"

#include "error.h"

namespace lars {

const KernelSet& kernel_set(std::string_view name) {
  if (name == "auto" || name == kReferenceKernels.name) return kReferenceKernels;
  if (name == kBlasKernels.name) return kBlasKernels;
  fail(LARS_ERR_ARGUMENT, "kernels: \"{}\" is unknown; the choices are \"auto\", \"reference\" and \"blas\"",
       name);
}

}  // namespace lars
