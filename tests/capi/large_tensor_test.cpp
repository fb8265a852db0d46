// A tensor of 2^31 + 4099 elements: every count and offset must have 64 bits.
//
// Parameter, gradient and update share few physical pages, mapped over and over, so that the test needs no
// more memory than the momentum: 8 GiB.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "support/trainee.h"

namespace lars_test {
namespace {

constexpr std::size_t kWindow = std::size_t{1} << 24;
constexpr std::int64_t kCount = (std::int64_t{1} << 31) + 4099;

/// An address range of which every stretch of kWindow bytes is the same memory, but for the last, which is
/// its own: what is found there was written there.
class RepeatedMapping {
 public:
  explicit RepeatedMapping(std::size_t bytes) : bytes_((bytes + kWindow - 1) / kWindow * kWindow) {
    const int file = memfd_create("window", 0);
    EXPECT_GE(file, 0);
    EXPECT_EQ(ftruncate(file, static_cast<off_t>(kWindow)), 0);
    void* reserved = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(reserved, MAP_FAILED);
    base_ = static_cast<std::byte*>(reserved);
    for (std::size_t at = 0; at + kWindow < bytes_; at += kWindow) {
      EXPECT_NE(mmap(base_ + at, kWindow, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0),
                MAP_FAILED);
    }
    close(file);
    EXPECT_EQ(mprotect(base_ + bytes_ - kWindow, kWindow, PROT_READ | PROT_WRITE), 0);
  }
  ~RepeatedMapping() { munmap(base_, bytes_); }
  RepeatedMapping(const RepeatedMapping&) = delete;
  RepeatedMapping& operator=(const RepeatedMapping&) = delete;

  [[nodiscard]] float* floats() const { return reinterpret_cast<float*>(base_); }

  void fill(float value) const {
    for (std::byte* window : {base_, base_ + bytes_ - kWindow}) {
      std::fill_n(reinterpret_cast<float*>(window), kWindow / sizeof(float), value);
    }
  }

 private:
  std::size_t bytes_;
  std::byte* base_ = nullptr;
};

TEST(LargeTensor, Of2To31ElementsIsSteppedToItsEnd) {
  const std::size_t bytes = static_cast<std::size_t>(kCount) * sizeof(float);
  const RepeatedMapping parameter(bytes);
  const RepeatedMapping gradient(bytes);
  const RepeatedMapping update(bytes);
  parameter.fill(2.0F);
  gradient.fill(0.5F);
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t shape[] = {kCount};
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "w", LARS_F32, 1, shape, nullptr), LARS_OK);
  ASSERT_EQ(lars_set(optimizer.get(), nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  ASSERT_EQ(lars_set(optimizer.get(), nullptr, LARS_TRUST_COEFFICIENT, 0.25), LARS_OK);
  const void* w[] = {parameter.floats()};
  const void* g[] = {gradient.floats()};
  void* delta[] = {update.floats()};
  ASSERT_EQ(lars_update(optimizer.get(), w, g, delta), LARS_OK) << lars_error_message(optimizer.get());

  double weight_norm = 0.0;
  double update_norm = 0.0;
  double trust_ratio = 0.0;
  ASSERT_EQ(lars_norms(optimizer.get(), 0, &weight_norm, &update_norm, &trust_ratio), LARS_OK);
  const double root = std::sqrt(static_cast<double>(kCount));
  EXPECT_DOUBLE_EQ(weight_norm, 2.0 * root);
  EXPECT_DOUBLE_EQ(update_norm, 0.5 * root);
  EXPECT_DOUBLE_EQ(trust_ratio, 1.0);
  EXPECT_EQ(update.floats()[0], -0.5F);
  EXPECT_EQ(update.floats()[kCount - 1], -0.5F);
  EXPECT_EQ(update.floats()[kCount], 0.0F);

  // The momentum at both ends: with a zero gradient the step is momentum * v.
  gradient.fill(0.0F);
  ASSERT_EQ(lars_update(optimizer.get(), w, g, delta), LARS_OK);
  EXPECT_EQ(update.floats()[0], 0.9F * -0.5F);
  EXPECT_EQ(update.floats()[kCount - 1], 0.9F * -0.5F);
}

}  // namespace
}  // namespace lars_test
