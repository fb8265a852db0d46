// Library facts, creation and destruction, messages, kernels.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

TEST(Library, VersionsAgree) {
  EXPECT_EQ(lars_version(), LARS_VERSION_MAJOR * 10000U + LARS_VERSION_MINOR * 100U + LARS_VERSION_PATCH);
  EXPECT_EQ(lars_version_string(), std::to_string(LARS_VERSION_MAJOR) + "." +
                                       std::to_string(LARS_VERSION_MINOR) + "." +
                                       std::to_string(LARS_VERSION_PATCH));
}

TEST(Library, EveryStatusHasItsName) {
  const std::vector<std::pair<std::int32_t, std::string>> statuses = {
      {LARS_OK, "LARS_OK"},
      {LARS_SKIPPED, "LARS_SKIPPED"},
      {LARS_ERR_ARGUMENT, "LARS_ERR_ARGUMENT"},
      {LARS_ERR_KEY, "LARS_ERR_KEY"},
      {LARS_ERR_VALUE, "LARS_ERR_VALUE"},
      {LARS_ERR_TYPE, "LARS_ERR_TYPE"},
      {LARS_ERR_INDEX, "LARS_ERR_INDEX"},
      {LARS_ERR_NAME, "LARS_ERR_NAME"},
      {LARS_ERR_SHAPE, "LARS_ERR_SHAPE"},
      {LARS_ERR_SELECTOR, "LARS_ERR_SELECTOR"},
      {LARS_ERR_ALIAS, "LARS_ERR_ALIAS"},
      {LARS_ERR_ALIGNMENT, "LARS_ERR_ALIGNMENT"},
      {LARS_ERR_STATE, "LARS_ERR_STATE"},
      {LARS_ERR_BUSY, "LARS_ERR_BUSY"},
      {LARS_ERR_CALLBACK, "LARS_ERR_CALLBACK"},
      {LARS_ERR_NONFINITE, "LARS_ERR_NONFINITE"},
      {LARS_ERR_MEMORY, "LARS_ERR_MEMORY"},
      {LARS_ERR_INTERNAL, "LARS_ERR_INTERNAL"},
      {LARS_ERR_IO, "LARS_ERR_IO"},
      {LARS_ERR_FORMAT, "LARS_ERR_FORMAT"},
      {LARS_ERR_MISMATCH, "LARS_ERR_MISMATCH"}};
  for (const auto& [status, name] : statuses) EXPECT_EQ(lars_status_name(status), name);
  EXPECT_STREQ(lars_status_name(2), "unknown status");
  EXPECT_STREQ(lars_status_name(-1000), "unknown status");
}

TEST(Lifetime, DestroyingNullDoesNothing) {
  EXPECT_EQ(lars_destroy(nullptr), LARS_OK);
  lars_schedule_destroy(nullptr);
}

TEST(Messages, TellWhatWasWrongLast) {
  const OptimizerHandle optimizer = make_optimizer();
  EXPECT_STREQ(lars_error_message(optimizer.get()), "");
  EXPECT_EQ(lars_set(optimizer.get(), nullptr, LARS_MOMENTUM, 2.0), LARS_ERR_VALUE);
  EXPECT_STREQ(lars_error_message(optimizer.get()), "momentum: 2 is not allowed; it must be from 0 to 1");
  EXPECT_EQ(lars_set(optimizer.get(), nullptr, LARS_MOMENTUM, 0.5), LARS_OK);
  EXPECT_STREQ(lars_error_message(optimizer.get()), "momentum: 2 is not allowed; it must be from 0 to 1");
  EXPECT_EQ(lars_set(optimizer.get(), nullptr, 77, 0.5), LARS_ERR_KEY);
  EXPECT_NE(std::string(lars_error_message(optimizer.get())).find("key 77"), std::string::npos);
}

TEST(Messages, StaySeparatePerHandle) {
  const OptimizerHandle one = make_optimizer();
  const OptimizerHandle two = make_optimizer();
  EXPECT_EQ(lars_set(one.get(), nullptr, LARS_EPS, -1.0), LARS_ERR_VALUE);
  EXPECT_STREQ(lars_error_message(two.get()), "");
}

TEST(Messages, AreCutBetweenCharacters) {
  const OptimizerHandle optimizer = make_optimizer();
  std::string name;
  while (name.size() <= LARS_MAX_NAME) name += "\xC3\xB6";  // o with diaeresis, two bytes
  for (const std::string& prefix : {std::string(), std::string("x")}) {
    EXPECT_EQ(lars_add_parameter(optimizer.get(), (prefix + name).c_str(), LARS_F32, 0, nullptr, nullptr),
              LARS_ERR_NAME);
    const std::string message = lars_error_message(optimizer.get());
    EXPECT_NE(message.find("\xC3\xB6…\""), std::string::npos) << message;
  }
}

TEST(Kernels, AreReportedAsChosen) {
  Trainee trainee({{"w", LARS_F32, {2}}});
  trainee.set(LARS_LEARNING_RATE, 1.0);
  const std::string widest = lars_kernels(trainee.get());
  EXPECT_TRUE(widest.starts_with("simd/")) << widest;
#ifdef LARS_WITH_OPENBLAS
  EXPECT_EQ(lars_set_kernels(trainee.get(), "blas"), LARS_OK);
  EXPECT_STREQ(lars_kernels(trainee.get()), "blas");
  EXPECT_EQ(trainee.step(), LARS_OK);
#else
  EXPECT_EQ(lars_set_kernels(trainee.get(), "blas"), LARS_ERR_ARGUMENT);
#endif
  EXPECT_EQ(lars_set_kernels(trainee.get(), "reference"), LARS_OK);
  EXPECT_STREQ(lars_kernels(trainee.get()), "reference");
  EXPECT_EQ(trainee.step(), LARS_OK);  // momentum carries over
  for (const char* name : {"auto", "simd", widest.c_str()}) {
    EXPECT_EQ(lars_set_kernels(trainee.get(), name), LARS_OK);
    EXPECT_EQ(lars_kernels(trainee.get()), widest);
  }
}

#ifdef LARS_WITH_OPENBLAS
TEST(Kernels, GiveTheSameResultWithinRounding) {
  for (const std::int32_t dtype : {LARS_F32, LARS_F64}) {
    Trainee reference(assorted_tensors(dtype));
    Trainee blas(assorted_tensors(dtype));
    for (Trainee* trainee : {&reference, &blas}) {
      trainee->set(LARS_LEARNING_RATE, 3.0);
      trainee->set(LARS_WEIGHT_DECAY, 0.01);
      trainee->set(LARS_GRADIENT_SCALE, 0.5);
      trainee->set(LARS_NESTEROV, 1, "c*");
    }
    ASSERT_EQ(lars_set_kernels(blas.get(), "blas"), LARS_OK);
    for (std::uint64_t step = 0; step < 4; ++step) {
      reference.draw_gradients(step);
      blas.draw_gradients(step);
      ASSERT_EQ(reference.step(), LARS_OK);
      ASSERT_EQ(blas.step(), LARS_OK);
    }
    for (Trainee* trainee : {&reference, &blas}) {  // what the kernels "blas" leave to the plain loops
      ASSERT_EQ(lars_set_gradient_clip(trainee->get(), 0.5), LARS_OK);
      ASSERT_EQ(trainee->step(), LARS_OK);
      ASSERT_EQ(trainee->accumulate(), LARS_OK);
      ASSERT_EQ(trainee->step_accumulated(), LARS_OK);
    }
    const double tolerance = dtype == LARS_F32 ? 1e-6 : 1e-15;
    for (std::size_t t = 0; t < reference.specs().size(); ++t) {
      for (std::size_t i = 0; i < reference.specs()[t].count(); ++i) {
        const double expected = element(reference.specs()[t], reference.parameters[t], i);
        EXPECT_NEAR(element(blas.specs()[t], blas.parameters[t], i), expected,
                    tolerance * (1.0 + std::abs(expected)));
      }
    }
  }
}
#endif

}  // namespace
}  // namespace lars_test
