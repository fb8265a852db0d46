// 16-bit elements in every kernel set of this processor and every floating-point environment: what the
// kernels make of them is what low_precision.h says, where nothing but the conversion is rounded.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "low_precision.h"
#include "support/floating_point.h"

namespace {

using lars::ElementType;
using lars_test::HostEnvironment;

constexpr std::size_t kNumbers = 0x10000;  // of 16 bits

/// v = g, Δ = v: what is left of the formula is w + g.
constexpr lars::MomentumUpdate<float> kAdd = {{1, 0, false}, 1, 0, false};

/// Calls body for every kernel set in every environment.
template <class Body>
void for_each_setting(const Body& body) {
  std::vector<const lars::KernelSet*> sets = lars::simd_kernel_sets();
  sets.push_back(&lars::kReferenceKernels);
  std::vector<lars_test::Host> hosts = {lars_test::kUsualHost};
  hosts.insert(hosts.end(), std::begin(lars_test::kHosts), std::end(lars_test::kHosts));
  for (const lars::KernelSet* set : sets) {
    for (const lars_test::Host& host : hosts) {
      SCOPED_TRACE(std::string(set->name) + ", " + host.name);
      body(*set, host);
      if (testing::Test::HasFailure()) return;
    }
  }
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

/// Floats at which rounding to 16 bits is decided, of either sign: with 19 upper bits of every kind and lower
/// ones around the middle; the middles between subnormal halves and what is next to them; and all over.
std::vector<float> interesting_floats() {
  std::vector<float> floats;
  const auto add = [&floats](std::uint32_t bits) { floats.push_back(std::bit_cast<float>(bits)); };
  for (std::uint32_t upper = 0; upper < (1U << 19); ++upper) {
    for (const std::uint32_t lower : {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x1fffU}) {
      add((upper << 13) | lower);
    }
  }
  for (int half_units = 0; half_units <= 2 * 1024; ++half_units) {
    const auto bits = std::bit_cast<std::uint32_t>(std::ldexp(static_cast<float>(half_units), -25));
    for (const std::uint32_t sign : {0U, 0x80000000U}) {
      for (const std::uint32_t near : {bits, bits + 1, bits == 0 ? bits : bits - 1}) add(near | sign);
    }
  }
  for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += 4093) add(static_cast<std::uint32_t>(bits));
  return floats;
}

/// Widened, and nothing else: the first micro-batch is stored as it is.
TEST(Conversions, WidenEveryNumber) {
  std::vector<std::uint16_t> numbers(kNumbers);
  for (std::size_t i = 0; i < kNumbers; ++i) numbers[i] = static_cast<std::uint16_t>(i);
  for_each_setting([&](const lars::KernelSet& set, const lars_test::Host& host) {
    std::vector<float> halves(kNumbers);
    std::vector<float> bfloats(kNumbers);
    {
      const HostEnvironment environment(host);
      const auto accumulate = [&](ElementType type, std::vector<float>& into) {
        set.table<float>(ElementType::f32, type).accumulate(numbers.data(), into.data(), true, kNumbers);
      };
      accumulate(ElementType::f16, halves);
      accumulate(ElementType::bf16, bfloats);
    }
    for (std::size_t i = 0; i < kNumbers; ++i) {
      ASSERT_TRUE(same(halves[i], lars::float_from_half(numbers[i]))) << i;
      ASSERT_TRUE(same(bfloats[i], lars::float_from_bfloat(numbers[i]))) << i;
    }
  });
}

/// Parameters of zero that are moved by g become g, rounded to nearest in every mode. Where the host flushes
/// subnormal numbers, the sum is zero before it is rounded.
template <ElementType type, class Lower, class Split>
void expect_all_rounded(const Split& split) {
  const std::vector<float> floats = interesting_floats();
  const std::size_t count = floats.size();
  for_each_setting([&](const lars::KernelSet& set, const lars_test::Host& host) {
    std::vector<std::uint16_t> parameters(count, 0);
    std::vector<Lower> masters(count, 0);
    std::vector<float> momentum(count, 0.0F);
    std::vector<float> sums(count);
    {
      const HostEnvironment environment(host);
      set.table<float>(type, ElementType::f32)
          .apply(kAdd, {parameters.data(), masters.data()}, floats.data(), momentum.data(), count);
      for (std::size_t i = 0; i < count; ++i) sums[i] = 0.0F + momentum[i];
    }
    for (std::size_t i = 0; i < count; ++i) {
      Lower master = 0;
      const std::uint16_t parameter = split(sums[i], master);
      if (std::isnan(sums[i])) {  // its sign is not promised
        ASSERT_EQ(parameters[i] & 0x7fffU, parameter & 0x7fffU) << i;
        ASSERT_TRUE(type == ElementType::f16 ? std::isnan(static_cast<float>(masters[i])) : masters[i] == 0);
        continue;
      }
      ASSERT_EQ(parameters[i], parameter) << sums[i];
      ASSERT_EQ(masters[i], master) << sums[i];
    }
  });
}

TEST(Conversions, RoundEveryDecisionToHalf) { expect_all_rounded<ElementType::f16, float>(lars::split_half); }
TEST(Conversions, RoundEveryDecisionToBfloat) {
  expect_all_rounded<ElementType::bf16, std::int16_t>(lars::split_bfloat);
}

/// Every parameter with masters that go with it and masters that do not: Σ w² of one weight at a time says
/// what it was taken for, but for its sign, which an update shows.
template <ElementType type, class Lower, class Join>
void expect_joined(const std::vector<std::uint16_t>& numbers, const std::vector<Lower>& lowers,
                   const Join& join) {
  const std::size_t count = numbers.size();
  const std::vector<float> nothing(count, 0.0F);
  for_each_setting([&](const lars::KernelSet& set, const lars_test::Host& host) {
    std::vector<float> momentum(count, 0.0F);
    std::vector<float> decayed(count);
    // u = w: written as the increment, exactly.
    const lars::MomentumUpdate<float> weights = {{1, 1, true}, 1, 0, false};
    {
      const HostEnvironment environment(host);
      set.table<float>(type, ElementType::f32)
          .write(weights, {numbers.data(), lowers.data()}, nothing.data(), momentum.data(), decayed.data(),
                 count);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const float weight = join(numbers[i], lowers[i]);
      const bool flushed = host.flush && std::fabs(weight) < std::numeric_limits<float>::min();
      if (weight == 0.0F || flushed) {
        ASSERT_EQ(decayed[i], 0.0F) << numbers[i];
      } else {
        ASSERT_TRUE(same(decayed[i], weight)) << numbers[i] << ' ' << decayed[i] << ' ' << weight;
      }
    }
  });
}

TEST(Conversions, JoinEveryHalfWithItsMasterAndWithOthers) {
  std::vector<std::uint16_t> numbers;
  std::vector<float> masters;
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    const auto half = static_cast<std::uint16_t>(number);
    const float exact = lars::float_from_half(half);
    for (const float master : {exact, std::nextafterf(exact, INFINITY), exact * 1.0004F, exact * 0.9996F,
                               exact * 1.01F, 0.0F, 1e30F, -INFINITY, NAN}) {
      numbers.push_back(half);
      masters.push_back(master);
    }
  }
  expect_joined<ElementType::f16>(numbers, masters, lars::join_half);
}

TEST(Conversions, JoinEveryBfloatWithLowerHalves) {
  std::vector<std::uint16_t> numbers;
  std::vector<std::int16_t> lowers;
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    for (const int lower : {-0x8000, -0x7fff, -0x1234, -1, 0, 1, 0x5678, 0x7fff}) {
      numbers.push_back(static_cast<std::uint16_t>(number));
      lowers.push_back(static_cast<std::int16_t>(lower));
    }
  }
  expect_joined<ElementType::bf16>(numbers, lowers, lars::join_bfloat);
}

/// Of low_precision.h itself.
TEST(Conversions, DoNotDependOnTheEnvironment) {
  const std::vector<float> floats = interesting_floats();
  for (const lars_test::Host& host : lars_test::kHosts) {
    std::vector<std::uint16_t> there(floats.size());
    std::vector<float> widened(kNumbers);
    {
      const HostEnvironment environment(host);
      for (std::size_t i = 0; i < floats.size(); ++i) there[i] = lars::half_from_float(floats[i]);
      for (std::size_t i = 0; i < kNumbers; ++i) {
        widened[i] = lars::float_from_half(static_cast<std::uint16_t>(i));
      }
    }
    for (std::size_t i = 0; i < floats.size(); ++i) {
      ASSERT_EQ(there[i], lars::half_from_float(floats[i])) << host.name << ' ' << floats[i];
    }
    for (std::size_t i = 0; i < kNumbers; ++i) {
      ASSERT_TRUE(same(widened[i], lars::float_from_half(static_cast<std::uint16_t>(i)))) << host.name << i;
    }
  }
}

}  // namespace
