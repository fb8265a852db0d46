#include "trust_ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

using lars::trust_ratio;

TEST(TrustRatio, IsTheFormula) {
  EXPECT_EQ(trust_ratio(3.0, 2.0, 0.5, 0.0), 0.75);
  EXPECT_EQ(trust_ratio(3.0, 2.0, 0.5, 1.0), 0.5);  // eps is added to the norm of the update
}

TEST(TrustRatio, IsOneIfANormIsZero) {
  EXPECT_EQ(trust_ratio(0.0, 2.0, 0.5, 0.0), 1.0);
  EXPECT_EQ(trust_ratio(3.0, 0.0, 0.5, 0.0), 1.0);
  EXPECT_EQ(trust_ratio(0.0, 0.0, 0.5, 1.0), 1.0);
  EXPECT_EQ(trust_ratio(3.0, 0.0, 0.5, 1.0), 1.0);  // eps has no part in the test for zero
}

TEST(TrustRatio, TakesTheSmallestNormForWhatItIs) {
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(trust_ratio(smallest, smallest, 0.5, 0.0), 0.5 * smallest / smallest);
}

TEST(TrustRatio, LetsNanAndInfPass) {
  EXPECT_TRUE(std::isnan(trust_ratio(NAN, 2.0, 0.5, 0.0)));
  EXPECT_TRUE(std::isnan(trust_ratio(3.0, NAN, 0.5, 0.0)));
  EXPECT_EQ(trust_ratio(3.0, INFINITY, 0.5, 0.0), 0.0);
  EXPECT_EQ(trust_ratio(0.0, NAN, 0.5, 0.0), 1.0);  // as in optax: a zero norm decides
}

}  // namespace
