// Every SIMD kernel, for every instruction set of this processor and every pair of types, gives the bits of
// the reference, for every size around the vectors and every alignment, and touches nothing beyond its
// elements.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "low_precision.h"
#include "support/guarded_memory.h"

namespace {

using lars::ElementType;
using lars_test::Edge;
using lars_test::GuardedMemory;
using Bytes = std::vector<std::byte>;

/// finite: numbers of every magnitude, subnormal ones and zeros among them. special: also Inf and NaN.
enum class Values { finite, special };

template <class Number>
void put(Bytes& bytes, std::size_t i, Number number) {
  std::memcpy(bytes.data() + i * sizeof number, &number, sizeof number);
}

template <class Number>
Number get(const Bytes& bytes, std::size_t i) {
  Number number;
  std::memcpy(&number, bytes.data() + i * sizeof number, sizeof number);
  return number;
}

class Generator {
 public:
  Generator(Values values, std::uint64_t seed) : values_(values), random_(seed) {}

  float single() {
    switch (random_() % 8) {
      case 0: return special(std::bit_cast<float>(static_cast<std::uint32_t>(random_())));
      case 1: return 0.0F;
      case 2: return -0.0F;
      default: return static_cast<float>(moderate());
    }
  }

  double binary64() {
    switch (random_() % 8) {
      case 0: return special(std::bit_cast<double>(random_()));
      case 1: return -0.0;
      default: return moderate();
    }
  }

  std::uint16_t word() { return static_cast<std::uint16_t>(random_()); }

  /// Any 16-bit number; without Inf and NaN, if only finite ones are wanted.
  std::uint16_t number16(std::uint16_t exponent) {
    for (;;) {
      const std::uint16_t number = word();
      if (values_ == Values::special || (number & exponent) != exponent) return number;
    }
  }

 private:
  double moderate() { return static_cast<double>(static_cast<std::int64_t>(random_())) * 0x1p-63; }

  template <class Real>
  Real special(Real number) {
    return values_ == Values::special || std::isfinite(number) ? number
                                                               : std::numeric_limits<Real>::min() / 4;
  }

  Values values_;
  std::mt19937_64 random_;
};

Bytes numbers(ElementType type, std::size_t count, Generator& generator) {
  Bytes bytes(count * lars::element_size(type));
  for (std::size_t i = 0; i < count; ++i) {
    switch (type) {
      case ElementType::f16: put(bytes, i, generator.number16(0x7c00)); break;
      case ElementType::bf16: put(bytes, i, generator.number16(0x7f80)); break;
      case ElementType::f32: put(bytes, i, generator.single()); break;
      case ElementType::f64: put(bytes, i, generator.binary64()); break;
    }
  }
  return bytes;
}

/// Masters that go with the parameters, and some that do not.
Bytes masters(ElementType type, const Bytes& parameters, std::size_t count, Generator& generator) {
  Bytes bytes(count * lars::master_size(type));
  for (std::size_t i = 0; i < count; ++i) {
    if (type == ElementType::bf16) put(bytes, i, generator.word());
    if (type != ElementType::f16) continue;
    const float weight = lars::float_from_half(get<std::uint16_t>(parameters, i));
    put(bytes, i, generator.word() % 4 == 0 ? generator.single() : weight * 1.0001F);
  }
  return bytes;
}

/// Which NaN it is, is not promised.
bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

bool is_nan(ElementType type, const Bytes& bytes, std::size_t i) {
  switch (type) {
    case ElementType::f16: return (get<std::uint16_t>(bytes, i) & 0x7fffU) > 0x7c00U;
    case ElementType::bf16: return (get<std::uint16_t>(bytes, i) & 0x7fffU) > 0x7f80U;
    case ElementType::f32: return std::isnan(get<float>(bytes, i));
    case ElementType::f64: return std::isnan(get<double>(bytes, i));
  }
  return false;
}

void expect_same(ElementType type, const Bytes& a, const Bytes& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  const std::size_t size = lars::element_size(type);
  for (std::size_t i = 0; i * size < a.size(); ++i) {
    if (std::memcmp(a.data() + i * size, b.data() + i * size, size) == 0) continue;
    ASSERT_TRUE(is_nan(type, a, i) && is_nan(type, b, i)) << what << " differs at element " << i;
  }
}

/// A pair of types, as a parameter of the tests.
template <ElementType parameter, ElementType gradient>
struct Pair {
  static constexpr ElementType kParameter = parameter;
  static constexpr ElementType kGradient = gradient;
  static constexpr ElementType kCompute = lars::compute_type(parameter);
  using Real = std::conditional_t<parameter == ElementType::f64, double, float>;
};

/// Inputs of one comparison, and the buffers of one kernel set that works on them.
template <class Pair>
struct Inputs {
  Inputs(std::size_t n, Values values, std::uint64_t seed) : count(n) {
    Generator generator(values, seed);
    parameters = numbers(Pair::kParameter, n, generator);
    master = masters(Pair::kParameter, parameters, n, generator);
    gradients = numbers(Pair::kGradient, n, generator);
    momentum = numbers(Pair::kCompute, n, generator);
  }
  std::size_t count;
  Bytes parameters, master, gradients, momentum;
};

template <class Pair>
struct Buffers {
  Buffers(const Inputs<Pair>& inputs, Edge edge)
      : parameters(inputs.parameters, edge),
        master(inputs.master, edge),
        gradients(inputs.gradients, edge),
        momentum(inputs.momentum, edge),
        output(inputs.momentum, edge) {}

  [[nodiscard]] lars::MutableWeights weights() const { return {parameters.data(), master.data()}; }
  [[nodiscard]] auto* momentum_data() const { return static_cast<typename Pair::Real*>(momentum.data()); }
  [[nodiscard]] auto* output_data() const { return static_cast<typename Pair::Real*>(output.data()); }

  GuardedMemory parameters, master, gradients, momentum, output;
};

template <class Pair>
void expect_same(const Buffers<Pair>& a, const Buffers<Pair>& b) {
  expect_same(Pair::kParameter, a.parameters.content(), b.parameters.content(), "parameter");
  if (Pair::kParameter == ElementType::f16) {
    expect_same(ElementType::f32, a.master.content(), b.master.content(), "master");
  } else {
    EXPECT_EQ(a.master.content(), b.master.content());
  }
  expect_same(Pair::kCompute, a.momentum.content(), b.momentum.content(), "momentum");
  expect_same(Pair::kCompute, a.output.content(), b.output.content(), "output");
}

template <class Pair>
void compare_all(const lars::KernelSet& set, const Inputs<Pair>& inputs, Edge edge) {
  using Real = typename Pair::Real;
  const auto& simd = set.table<Real>(Pair::kParameter, Pair::kGradient);
  const auto& reference = lars::kReferenceKernels.table<Real>(Pair::kParameter, Pair::kGradient);
  const std::size_t n = inputs.count;
  for (const bool decay : {false, true}) {
    const lars::DecayedGradient<Real> term = {Real(0.75), Real(0.1), decay};
    {
      const Buffers<Pair> x(inputs, edge);
      const auto expected = reference.sum_squares(term, x.weights(), x.gradients.data(), n);
      const auto both = simd.sum_squares(term, x.weights(), x.gradients.data(), n);
      EXPECT_TRUE(same(both.weight, expected.weight)) << both.weight << ' ' << expected.weight;
      EXPECT_TRUE(same(both.update, expected.update)) << both.update << ' ' << expected.update;
      const double update = simd.sum_update_squares(term, x.weights(), x.gradients.data(), n);
      EXPECT_TRUE(same(update, expected.update)) << update << ' ' << expected.update;
      const double weight = simd.sum_weight_squares(x.weights(), n);
      EXPECT_TRUE(same(weight, expected.weight)) << weight << ' ' << expected.weight;
    }
    for (const bool nesterov : {false, true}) {
      const lars::MomentumUpdate<Real> update = {term, Real(-0.3), Real(0.9), nesterov};
      const Buffers<Pair> x(inputs, edge);
      const Buffers<Pair> y(inputs, edge);
      simd.write(update, x.weights(), x.gradients.data(), x.momentum_data(), x.output_data(), n);
      reference.write(update, y.weights(), y.gradients.data(), y.momentum_data(), y.output_data(), n);
      expect_same(x, y);
      simd.apply(update, x.weights(), x.gradients.data(), x.momentum_data(), n);
      reference.apply(update, y.weights(), y.gradients.data(), y.momentum_data(), n);
      expect_same(x, y);
    }
  }
  for (const bool first : {false, true}) {
    const Buffers<Pair> x(inputs, edge);
    const Buffers<Pair> y(inputs, edge);
    simd.accumulate(x.gradients.data(), x.output_data(), first, n);
    reference.accumulate(y.gradients.data(), y.output_data(), first, n);
    expect_same(x, y);
  }
}

template <class Pair>
class SimdKernels : public testing::Test {};

using enum ElementType;
using Pairs = testing::Types<Pair<f32, f32>, Pair<f32, f16>, Pair<f32, bf16>, Pair<f16, f16>, Pair<f16, f32>,
                             Pair<bf16, bf16>, Pair<bf16, f32>, Pair<f64, f64>>;
TYPED_TEST_SUITE(SimdKernels, Pairs);

/// Sizes around one, two and three rows of 16, in which every vector length has its ends; and whole chunks.
/// Elements that end at a forbidden page have every alignment as the size goes up.
TYPED_TEST(SimdKernels, GiveTheBitsOfTheReferenceAndTouchNothingElse) {
  std::vector<std::size_t> counts = {4095, 4096};
  for (std::size_t count = 0; count <= 52; ++count) counts.push_back(count);
  for (const lars::KernelSet* set : lars::simd_kernel_sets()) {
    for (const std::size_t count : counts) {
      for (const Values values : {Values::finite, Values::special}) {
        const Inputs<TypeParam> inputs(count, values, 1000 + count);
        for (const Edge edge : {Edge::front, Edge::back}) {
          SCOPED_TRACE(std::string(set->name) + ", " + std::to_string(count) + " elements, " +
                       (values == Values::finite ? "finite" : "special") +
                       (edge == Edge::front ? ", from a page's start" : ", to a page's end"));
          compare_all(*set, inputs, edge);
          if (this->HasFailure()) return;
        }
      }
    }
  }
}

TYPED_TEST(SimdKernels, TheReferenceTouchesNothingElse) {
  for (std::size_t count = 0; count <= 34; ++count) {
    const Inputs<TypeParam> inputs(count, Values::finite, count);
    for (const Edge edge : {Edge::front, Edge::back}) compare_all(lars::kReferenceKernels, inputs, edge);
  }
}

}  // namespace
