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

/// Numbers that both 16-bit types hold exactly, or NaN or Inf.
std::uint16_t bfloat_bits(double value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16);
}
std::uint16_t half_bits(double value) {
  float master = 0.0F;
  return lars::split_half(static_cast<float>(value), master);
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

  /// What kernels write.
  void reset(const Inputs<Pair>& inputs) {
    parameters.assign(inputs.parameters);
    master.assign(inputs.master);
    momentum.assign(inputs.momentum);
    output.assign(inputs.momentum);
  }

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

/// Terms with everything in them that kernels look at: decay, clipping, a scale of clipped gradients.
template <class Real>
std::vector<lars::DecayedGradient<Real>> terms() {
  std::vector<lars::DecayedGradient<Real>> terms;
  for (const bool decay : {false, true}) {
    terms.push_back({Real(0.75), Real(0.1), decay});
    terms.push_back({Real(0.75), Real(0.1), decay, true, Real(0.3), Real(0.7)});
  }
  return terms;
}

void expect_same(const lars::Moments& a, const lars::Moments& b, const char* what) {
  EXPECT_TRUE(same(a.weight, b.weight)) << what << ": w, " << a.weight << ' ' << b.weight;
  EXPECT_TRUE(same(a.update, b.update)) << what << ": u, " << a.update << ' ' << b.update;
  EXPECT_TRUE(same(a.gradient, b.gradient)) << what << ": d, " << a.gradient << ' ' << b.gradient;
  EXPECT_TRUE(same(a.product, b.product)) << what << ": d w, " << a.product << ' ' << b.product;
  EXPECT_EQ(a.clipped, b.clipped) << what << ": whether any d was cut";
}

/// The kernels of one set and the reference, for one pair of types, on inputs that end or begin at a
/// forbidden page.
template <class Pair>
struct Comparison {
  using Real = typename Pair::Real;
  using Table = lars::KernelTable<Real>;
  const Table& simd;
  const Table& reference;
  const Inputs<Pair>& inputs;
  Buffers<Pair> x;
  Buffers<Pair> y;

  void reset() {
    x.reset(inputs);
    y.reset(inputs);
  }

  void sums(lars::Sums which, const lars::DecayedGradient<Real>& term) {
    reset();
    const auto sums = [&](const Table& kernels) {
      return kernels.sum(which, term, x.weights(), x.gradients.data(), inputs.count);
    };
    expect_same(sums(simd), sums(reference), "sum");
  }

  void updates(const lars::MomentumUpdate<Real>& update) {
    const std::size_t n = inputs.count;
    reset();
    simd.write(update, x.weights(), x.gradients.data(), x.momentum_data(), x.output_data(), n);
    reference.write(update, y.weights(), y.gradients.data(), y.momentum_data(), y.output_data(), n);
    expect_same(x, y);
    // On from there.
    simd.apply(update, x.weights(), x.gradients.data(), x.momentum_data(), n);
    reference.apply(update, y.weights(), y.gradients.data(), y.momentum_data(), n);
    expect_same(x, y);
    // Together with the sum, which is that of the weights as they are read afterwards.
    x.reset(inputs);
    simd.write(update, x.weights(), x.gradients.data(), x.momentum_data(), x.output_data(), n);
    const double sum = simd.apply_and_sum(update, x.weights(), x.gradients.data(), x.momentum_data(), n);
    expect_same(x, y);
    const double expected = reference.sum(lars::Sums::weight, {}, y.weights(), nullptr, n).weight;
    EXPECT_TRUE(same(sum, expected)) << "apply_and_sum: " << sum << ' ' << expected;
  }

  void accumulation(bool first) {
    reset();
    simd.accumulate(x.gradients.data(), x.output_data(), first, inputs.count);
    reference.accumulate(y.gradients.data(), y.output_data(), first, inputs.count);
    expect_same(x, y);
  }

  void accumulation(bool first, lars::Sums which, const lars::DecayedGradient<Real>& term) {
    reset();
    const auto accumulate = [&](const Table& kernels, const Buffers<Pair>& buffers) {
      return kernels.accumulate_and_sum(which, term, buffers.weights(), buffers.gradients.data(),
                                        buffers.output_data(), first, inputs.count);
    };
    expect_same(accumulate(simd, x), accumulate(reference, y), "accumulate_and_sum");
    expect_same(x, y);
  }
};

template <class Pair>
void compare_all(const lars::KernelSet& set, const Inputs<Pair>& inputs, Edge edge) {
  using Real = typename Pair::Real;
  Comparison<Pair> compare = {set.table<Real>(Pair::kParameter, Pair::kGradient),
                              lars::kReferenceKernels.table<Real>(Pair::kParameter, Pair::kGradient), inputs,
                              Buffers<Pair>(inputs, edge), Buffers<Pair>(inputs, edge)};
  using enum lars::Sums;
  for (const auto& term : terms<Real>()) {
    for (const lars::Sums which : {none, weight, update, both, all}) {
      compare.sums(which, term);
      for (const bool first : {false, true}) compare.accumulation(first, which, term);
    }
    compare.updates({term, Real(-0.3), Real(0.9), false});
    for (const bool nesterov : {false, true}) {
      compare.updates({term, Real(-0.3), Real(0.9), nesterov, Real(0.6), Real(-1.7)});
    }
  }
  for (const bool first : {false, true}) compare.accumulation(first);
}

/// Weights and gradients that no wanted sum needs may be nowhere.
template <class Pair>
void expect_only_what_is_needed_is_read(const lars::KernelSet& set, const Inputs<Pair>& inputs) {
  using Real = typename Pair::Real;
  const auto& kernels = set.table<Real>(Pair::kParameter, Pair::kGradient);
  const Buffers<Pair> x(inputs, Edge::back);
  const lars::DecayedGradient<Real> term = {Real(0.75), Real(0.1), false};
  const lars::Moments all = kernels.sum(lars::Sums::all, term, x.weights(), x.gradients.data(), inputs.count);
  const lars::Weights nowhere = {nullptr, nullptr};
  const auto update = kernels.sum(lars::Sums::update, term, nowhere, x.gradients.data(), inputs.count);
  const auto weight = kernels.sum(lars::Sums::weight, term, x.weights(), nullptr, inputs.count);
  const auto none = kernels.sum(lars::Sums::none, term, nowhere, nullptr, inputs.count);
  expect_same(update, {0.0, all.update, 0.0, 0.0}, "update alone");
  expect_same(weight, {all.weight, 0.0, 0.0, 0.0}, "weight alone");
  expect_same(none, {}, "nothing");
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

TYPED_TEST(SimdKernels, ReadOnlyWhatIsNeeded) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{37}, std::size_t{4096}}) {
    const Inputs<TypeParam> inputs(count, Values::finite, 5000 + count);
    expect_only_what_is_needed_is_read(lars::kReferenceKernels, inputs);
    for (const lars::KernelSet* set : lars::simd_kernel_sets()) {
      SCOPED_TRACE(std::string(set->name) + ", " + std::to_string(count) + " elements");
      expect_only_what_is_needed_is_read(*set, inputs);
    }
  }
}

/// One element beyond the limit, wherever it is, and none that is at the limit, NaN or infinite.
TYPED_TEST(SimdKernels, TellWhetherAnyElementIsClipped) {
  using Real = typename TypeParam::Real;
  const lars::DecayedGradient<Real> term = {Real(0.5), Real(0.25), true, true, Real(0.75)};
  const auto number = [](double value) {
    Bytes bytes(lars::element_size(TypeParam::kGradient));
    switch (TypeParam::kGradient) {
      case ElementType::f64: put(bytes, 0, value); break;
      case ElementType::f32: put(bytes, 0, static_cast<float>(value)); break;
      case ElementType::bf16: put(bytes, 0, bfloat_bits(value)); break;
      case ElementType::f16: put(bytes, 0, half_bits(value)); break;
    }
    return bytes;
  };
  std::vector<const lars::KernelSet*> sets = lars::simd_kernel_sets();
  sets.push_back(&lars::kReferenceKernels);
#ifdef LARS_WITH_OPENBLAS
  sets.push_back(&lars::blas_kernels());
#endif
  for (const lars::KernelSet* set : sets) {
    const auto& kernels = set->template table<Real>(TypeParam::kParameter, TypeParam::kGradient);
    for (const std::size_t count : {1U, 5U, 16U, 19U, 37U}) {
      const Bytes weights(count * lars::element_size(TypeParam::kParameter));
      const Bytes master(count * lars::master_size(TypeParam::kParameter));
      for (std::size_t place = 0; place < count; ++place) {
        for (const auto& [value, clipped] :
             {std::pair{1.75, true}, std::pair{-1.75, true}, std::pair{1.5, false}, std::pair{-1.5, false},
              std::pair<double, bool>{NAN, false}, std::pair<double, bool>{-INFINITY, false}}) {
          SCOPED_TRACE(std::string(set->name) + ", element " + std::to_string(place) + " of " +
                       std::to_string(count) + " is " + std::to_string(value));
          const Bytes one = number(value);
          Bytes gradient(count * one.size());
          std::copy(one.begin(), one.end(),
                    gradient.begin() + static_cast<std::ptrdiff_t>(place * one.size()));
          const lars::Weights w = {weights.data(), master.data()};
          lars::DecayedGradient<Real> nothing = term;
          nothing.limit = 0;
          EXPECT_EQ(kernels.sum(lars::Sums::both, nothing, w, gradient.data(), count).clipped,
                    std::isfinite(value));
          for (const lars::Sums which : {lars::Sums::update, lars::Sums::both, lars::Sums::all}) {
            EXPECT_EQ(kernels.sum(which, term, w, gradient.data(), count).clipped, clipped);
          }
          EXPECT_FALSE(kernels.sum(lars::Sums::weight, term, w, gradient.data(), count).clipped);
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
