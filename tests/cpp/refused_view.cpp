// Does not compile: elements with gaps between them are no tensor's.
#include <cstddef>
#include <lars/lars.hpp>

namespace {

struct Matrix {};

/// A row of a matrix whose columns are contiguous.
struct Row {
  using PlainObject = Matrix;
  float* data() const { return first; }
  std::ptrdiff_t size() const { return 4; }
  std::ptrdiff_t innerStride() const { return 3; }
  float* first;
};

}  // namespace

lars::Tensor view(Row row) { return row; }
