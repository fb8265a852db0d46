#include "selector.h"

#include <gtest/gtest.h>

namespace {

using lars::glob_matches;

TEST(Selector, MatchesTheWholeName) {
  EXPECT_TRUE(glob_matches("conv1.weight", "conv1.weight"));
  EXPECT_FALSE(glob_matches("conv1", "conv1.weight"));
  EXPECT_FALSE(glob_matches("weight", "conv1.weight"));
  EXPECT_FALSE(glob_matches("conv1.weight2", "conv1.weight"));
  EXPECT_FALSE(glob_matches("", "a"));
  EXPECT_TRUE(glob_matches("", ""));
}

TEST(Selector, StarTakesAnyText) {
  EXPECT_TRUE(glob_matches("*", "anything.at.all"));
  EXPECT_TRUE(glob_matches("*.bias", "encoder.layer.3.bias"));
  EXPECT_FALSE(glob_matches("*.bias", "bias"));
  EXPECT_TRUE(glob_matches("encoder.*", "encoder."));
  EXPECT_TRUE(glob_matches("*a*b*c", "xxaxxbxxbxc"));
  EXPECT_FALSE(glob_matches("*a*b*c", "xxaxxcxxb"));
  EXPECT_TRUE(glob_matches("**", "x"));
  EXPECT_TRUE(glob_matches("a*a", "aba"));
  EXPECT_FALSE(glob_matches("a*a", "a"));
  EXPECT_FALSE(glob_matches("*ab", "abac"));
}

TEST(Selector, QuestionMarkTakesOneByte) {
  EXPECT_TRUE(glob_matches("conv?.weight", "conv1.weight"));
  EXPECT_FALSE(glob_matches("conv?.weight", "conv12.weight"));
  EXPECT_FALSE(glob_matches("conv?", "conv"));
}

TEST(Selector, BackslashTakesTheNextCharacterLiterally) {
  EXPECT_TRUE(glob_matches("a\\*b", "a*b"));
  EXPECT_FALSE(glob_matches("a\\*b", "axb"));
  EXPECT_TRUE(glob_matches("a\\?", "a?"));
  EXPECT_FALSE(glob_matches("a\\?", "ab"));
  EXPECT_TRUE(glob_matches("a\\\\", "a\\"));
  EXPECT_TRUE(glob_matches("a\\", "a\\"));  // at the end it stands for itself
}

TEST(Selector, BracketsStandForThemselves) {
  EXPECT_TRUE(glob_matches("layers[0].*", "layers[0].bias"));
  EXPECT_FALSE(glob_matches("layers[0].*", "layers0.bias"));
}

TEST(Selector, TakesLinearTimeForAFixedNumberOfStars) {
  const std::string name(250, 'a');
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*b", name));
}

}  // namespace
