// Registration of parameters.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

TEST(Parameters, AreDescribedAsAdded) {
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t shape[] = {3, 0, 5};
  std::uint32_t index = 99;
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "größe", LARS_F64, 3, shape, &index), LARS_OK);
  EXPECT_EQ(index, 0U);
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "scalar", LARS_F32, 0, nullptr, &index), LARS_OK);
  EXPECT_EQ(index, 1U);
  std::uint32_t count = 0;
  EXPECT_EQ(lars_parameter_count(optimizer.get(), &count), LARS_OK);
  EXPECT_EQ(count, 2U);
  EXPECT_EQ(lars_parameter_index(optimizer.get(), "scalar", &index), LARS_OK);
  EXPECT_EQ(index, 1U);

  const char* name = nullptr;
  std::int32_t dtype = 0;
  std::uint32_t ndim = 9;
  const std::int64_t* extents = nullptr;
  ASSERT_EQ(lars_parameter_info(optimizer.get(), 0, &name, &dtype, &ndim, &extents), LARS_OK);
  EXPECT_STREQ(name, "größe");
  EXPECT_EQ(dtype, LARS_F64);
  ASSERT_EQ(ndim, 3U);
  EXPECT_EQ(extents[0], 3);
  EXPECT_EQ(extents[1], 0);
  EXPECT_EQ(extents[2], 5);
  ASSERT_EQ(lars_parameter_info(optimizer.get(), 1, nullptr, &dtype, &ndim, nullptr), LARS_OK);
  EXPECT_EQ(dtype, LARS_F32);
  EXPECT_EQ(ndim, 0U);
}

TEST(Parameters, NamesAndShapesStayWhereTheyAre) {
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t shape[] = {7};
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "p0", LARS_F32, 1, shape, nullptr), LARS_OK);
  const char* name = nullptr;
  const std::int64_t* extents = nullptr;
  ASSERT_EQ(lars_parameter_info(optimizer.get(), 0, &name, nullptr, nullptr, &extents), LARS_OK);
  for (int i = 1; i < 3000; ++i) {
    ASSERT_EQ(lars_add_parameter(optimizer.get(), ("layer." + std::to_string(i)).c_str(), LARS_F32, 1, shape,
                                 nullptr),
              LARS_OK);
  }
  const char* name_later = nullptr;
  const std::int64_t* extents_later = nullptr;
  ASSERT_EQ(lars_parameter_info(optimizer.get(), 0, &name_later, nullptr, nullptr, &extents_later), LARS_OK);
  EXPECT_EQ(name_later, name);
  EXPECT_EQ(extents_later, extents);
  EXPECT_STREQ(name, "p0");
}

TEST(Parameters, MayHaveTheGreatestNameAndRank) {
  const OptimizerHandle optimizer = make_optimizer();
  const std::string name(LARS_MAX_NAME, 'n');
  const std::vector<std::int64_t> shape(LARS_MAX_NDIM, 1);
  EXPECT_EQ(lars_add_parameter(optimizer.get(), name.c_str(), LARS_F32, LARS_MAX_NDIM, shape.data(), nullptr),
            LARS_OK)
      << lars_error_message(optimizer.get());
}

TEST(Parameters, ThatAreEmptyMayHaveHugeExtents) {
  const OptimizerHandle optimizer = make_optimizer();
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const std::int64_t shape[] = {kHuge, kHuge, 0};
  EXPECT_EQ(lars_add_parameter(optimizer.get(), "empty", LARS_F32, 3, shape, nullptr), LARS_OK);
}

TEST(Parameters, TooLargeForMemoryAreReportedAtTheFirstStepWithNothingChanged) {
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t shape[] = {std::int64_t{1} << 60};
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "vast", LARS_F32, 1, shape, nullptr), LARS_OK);
  ASSERT_EQ(lars_set(optimizer.get(), nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  float w = 1.0F;
  float g = 1.0F;
  EXPECT_EQ(lars_step_flat(optimizer.get(), &w, &g), LARS_ERR_MEMORY);
  EXPECT_EQ(w, 1.0F);
  EXPECT_NE(std::string(lars_error_message(optimizer.get())).find("out of memory"), std::string::npos);
}

}  // namespace
}  // namespace lars_test
