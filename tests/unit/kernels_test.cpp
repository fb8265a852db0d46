#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "error.h"
#include "support/definition.h"

namespace {

template <class Real>
class Kernels : public testing::Test {
 protected:
  static constexpr lars::ElementType kType =
      std::is_same_v<Real, float> ? lars::ElementType::f32 : lars::ElementType::f64;

  static const lars::KernelTable<Real>& table(const lars::KernelSet& set) {
    return set.table<Real>(kType, kType);
  }

  static lars::Weights weights(const std::vector<Real>& w) { return {w.data(), nullptr}; }

  static std::vector<Real> random(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    std::vector<Real> values(count);
    for (Real& value : values) value = static_cast<Real>(normal(generator));
    return values;
  }
};
using RealTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(Kernels, RealTypes);

TYPED_TEST(Kernels, ReferenceSumsAreTheDefinedBits) {
  for (const std::size_t count : std::vector<std::size_t>{0, 1, 15, 16, 17, 31, 32, 33, 100, 4095, 4096}) {
    const auto w = this->random(count, 1);
    const auto g = this->random(count, 2);
    const lars::DecayedGradient<TypeParam> term = {TypeParam(0.25), TypeParam(0.1), true};
    std::vector<TypeParam> u(count);
    for (std::size_t i = 0; i < count; ++i) u[i] = TypeParam(0.25) * g[i] + TypeParam(0.1) * w[i];
    const auto sums =
        this->table(lars::kReferenceKernels).sum(lars::Sums::both, term, this->weights(w), g.data(), count);
    EXPECT_EQ(sums.weight, lars_test::defined_sum_of_squares(w)) << count;
    EXPECT_EQ(sums.update, lars_test::defined_sum_of_squares(u)) << count;
  }
}

#ifdef LARS_WITH_OPENBLAS

TYPED_TEST(Kernels, BlasAgreesWithReference) {
  const double tolerance = 16.0 * static_cast<double>(std::numeric_limits<TypeParam>::epsilon());
  for (const bool nesterov : {false, true}) {
    for (const bool decay : {false, true}) {
      for (const std::size_t count : std::vector<std::size_t>{0, 1, 7, 1000, 4096}) {
        const auto w = this->random(count, 3);
        const auto g = this->random(count, 4);
        const lars::MomentumUpdate<TypeParam> term = {
            {TypeParam(0.5), TypeParam(0.01), decay}, TypeParam(-0.3), TypeParam(0.9), nesterov};
        const auto& reference = this->table(lars::kReferenceKernels);
        const auto& blas = this->table(lars::blas_kernels());
        const auto expected =
            reference.sum(lars::Sums::both, term.gradient, this->weights(w), g.data(), count);
        const auto sums = blas.sum(lars::Sums::both, term.gradient, this->weights(w), g.data(), count);
        // OpenBLAS's nrm2 for most ARM processors adds element after element in the tensor's own type.
        const double roundings = std::max(16.0, std::sqrt(static_cast<double>(count)));
        const double sum_tolerance =
            roundings * static_cast<double>(std::numeric_limits<TypeParam>::epsilon());
        EXPECT_NEAR(sums.weight, expected.weight, sum_tolerance * expected.weight);
        EXPECT_NEAR(sums.update, expected.update, sum_tolerance * expected.update);

        auto expected_v = this->random(count, 5);
        auto v = expected_v;
        std::vector<TypeParam> expected_update(count);
        std::vector<TypeParam> update(count);
        reference.write(term, this->weights(w), g.data(), expected_v.data(), expected_update.data(), count);
        blas.write(term, this->weights(w), g.data(), v.data(), update.data(), count);
        auto applied = w;
        auto v_applied = this->random(count, 5);
        blas.apply(term, {applied.data(), nullptr}, g.data(), v_applied.data(), count);
        for (std::size_t i = 0; i < count; ++i) {
          EXPECT_NEAR(v[i], expected_v[i], 4 * tolerance);
          EXPECT_NEAR(update[i], expected_update[i], 4 * tolerance);
          EXPECT_EQ(applied[i], w[i] + update[i]);
          EXPECT_EQ(v_applied[i], v[i]);
        }
      }
    }
  }
}

TYPED_TEST(Kernels, BlasPropagatesNanThroughSpecialFactors) {
  const std::vector<TypeParam> w = {1, 1, 1};
  const std::vector<TypeParam> g = {TypeParam(NAN), TypeParam(INFINITY), 1};
  for (const lars::MomentumUpdate<TypeParam>& term :
       {lars::MomentumUpdate<TypeParam>{{1, 0, false}, -0.0, TypeParam(0.9), false},
        lars::MomentumUpdate<TypeParam>{{0, 0, false}, -1, TypeParam(0.9), false},
        lars::MomentumUpdate<TypeParam>{{0, TypeParam(0.5), true}, -1, TypeParam(0.9), false},
        lars::MomentumUpdate<TypeParam>{{1, 0, false}, -1, 0, true},
        lars::MomentumUpdate<TypeParam>{{1, 0, false}, TypeParam(NAN), TypeParam(0.9), false}}) {
    std::vector<TypeParam> expected_v = {0, 0, TypeParam(NAN)};
    auto v = expected_v;
    std::vector<TypeParam> expected(3);
    std::vector<TypeParam> update(3);
    this->table(lars::kReferenceKernels)
        .write(term, this->weights(w), g.data(), expected_v.data(), expected.data(), 3);
    this->table(lars::blas_kernels()).write(term, this->weights(w), g.data(), v.data(), update.data(), 3);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(std::isnan(update[i]), std::isnan(expected[i])) << i;
      EXPECT_EQ(std::isnan(v[i]), std::isnan(expected_v[i])) << i;
    }
    const auto sums =
        this->table(lars::blas_kernels()).sum(lars::Sums::both, term.gradient, this->weights(w), g.data(), 3);
    EXPECT_FALSE(std::isfinite(sums.update));
  }
}

#endif

TEST(KernelSets, AreChosenByName) {
  EXPECT_STREQ(lars::kernel_set("reference").name, "reference");
#ifdef LARS_WITH_OPENBLAS
  EXPECT_STREQ(lars::kernel_set("blas").name, "blas");
#endif
  const auto simd = lars::simd_kernel_sets();
  if (simd.empty()) {  // -DHWY_COMPILE_ONLY_SCALAR, or a processor without SSSE3
    EXPECT_STREQ(lars::kernel_set("auto").name, "reference");
    EXPECT_THROW(static_cast<void>(lars::kernel_set("simd")), lars::Error);
  } else {
    EXPECT_EQ(&lars::kernel_set("auto"), simd.front());
    EXPECT_EQ(&lars::kernel_set("simd"), simd.front());
  }
  for (const lars::KernelSet* set : simd) EXPECT_EQ(&lars::kernel_set(set->name), set);
  for (const char* unknown : {"", "simd/", "simd/none", "Reference", "avx2"}) {
    EXPECT_THROW(static_cast<void>(lars::kernel_set(unknown)), lars::Error) << unknown;
  }
}

}  // namespace
