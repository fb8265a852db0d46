// One name for OpenBLAS's matrix product in both precisions: training runs in float, gradient tests in
// double.
#pragma once

#include <cblas.h>

#include <cstddef>

namespace large_batch {

enum class Transpose { no, yes };

// A row-major matrix as it lies in memory; `transpose` says how the product reads it.
template <typename T>
struct Operand {
  const T* data;
  std::size_t columns;
  Transpose transpose = Transpose::no;
};

// c = a b + beta c, with c of `rows` x `columns` and `inner` the length of the sums.
template <typename T>
void gemm(std::size_t rows, std::size_t columns, std::size_t inner, Operand<T> a, Operand<T> b, T beta,
          T* c) {
  const auto blas = [](std::size_t n) { return static_cast<blasint>(n); };
  const auto order = [](Transpose t) { return t == Transpose::yes ? CblasTrans : CblasNoTrans; };
  if constexpr (sizeof(T) == sizeof(float)) {
    cblas_sgemm(CblasRowMajor, order(a.transpose), order(b.transpose), blas(rows), blas(columns), blas(inner),
                1.0F, a.data, blas(a.columns), b.data, blas(b.columns), beta, c, blas(columns));
  } else {
    cblas_dgemm(CblasRowMajor, order(a.transpose), order(b.transpose), blas(rows), blas(columns), blas(inner),
                1.0, a.data, blas(a.columns), b.data, blas(b.columns), beta, c, blas(columns));
  }
}

}  // namespace large_batch
