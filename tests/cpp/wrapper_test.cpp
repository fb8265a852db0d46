// What lars.hpp adds to lars.h: ownership, views, errors in two styles, functions of the program.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <deque>
#include <exception>
#include <lars/lars.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/allocations.h"

namespace lars_test {
namespace {

static_assert(!std::is_copy_constructible_v<lars::Optimizer> &&
              std::is_nothrow_move_constructible_v<lars::Optimizer>);
static_assert(std::is_copy_constructible_v<lars::Schedule>);

/// The static library has types of the same names, and containers of them.
TEST(Wrapper, TypesAreNotTheLibrarysOwn) {
  std::deque<lars::Parameter> kept;
  lars::Optimizer optimizer;
  for (int i = 0; i < 100; ++i) {
    optimizer.add_parameter("p" + std::to_string(i), lars::Type::f32, {1});
    kept.push_back(optimizer.parameter(static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i].name, "p" + std::to_string(i));
  while (!kept.empty()) kept.pop_back();
}

TEST(Wrapper, StepsInPlaceWhateverHoldsTheNumbers) {
  lars::Optimizer optimizer;
  EXPECT_EQ(optimizer.add_parameter("vector", lars::Type::f32, {2, 2}), 0U);
  EXPECT_EQ(optimizer.add_parameter(std::string("array"), lars::Type::f64, {3}), 1U);
  EXPECT_EQ(optimizer.add_parameter("plain", lars::Type::f32, {2}), 2U);
  EXPECT_EQ(optimizer.add_parameter("scalar", lars::Type::f64, {}), 3U);
  optimizer.set(lars::Key::learning_rate, 1.0);
  optimizer.set(lars::Key::trust_ratio_mask, 0);
  std::vector<float> vector = {1, 2, 3, 4};
  std::array<double, 3> array = {1, 2, 3};
  float plain[] = {1, 2};
  double scalar = 1;
  const std::vector<float> vector_gradient(4, 0.5F);
  const std::array<double, 3> array_gradient = {1, 1, 1};
  const float plain_gradient[] = {1, 1};
  const double scalar_gradient = 2;
  EXPECT_TRUE(optimizer.step({vector, array, plain, scalar},
                             {vector_gradient, array_gradient, plain_gradient, scalar_gradient}));
  EXPECT_EQ(vector, (std::vector<float>{0.5F, 1.5F, 2.5F, 3.5F}));
  EXPECT_EQ(array, (std::array<double, 3>{0, 1, 2}));
  EXPECT_EQ(plain[1], 1.0F);
  EXPECT_EQ(scalar, -1.0);
}

// As a library of matrices has them: what owns its elements, and what may skip some of another's.
struct OwnMatrix {
  using PlainObject = OwnMatrix;
  float* data() { return elements.data(); }
  [[nodiscard]] const float* data() const { return elements.data(); }
  [[nodiscard]] std::ptrdiff_t size() const { return 3; }
  [[nodiscard]] std::ptrdiff_t innerStride() const { return 1; }
  std::array<float, 3> elements = {1, 2, 3};
};
struct Row {
  using PlainObject = OwnMatrix;
  [[nodiscard]] std::ptrdiff_t innerStride() const { return 3; }
};
struct UnknownStrides {
  [[nodiscard]] std::ptrdiff_t innerStride() const { return 3; }
};
struct NamedMatrix : OwnMatrix {};
static_assert(lars::IsDense<std::vector<float>>::value && lars::IsDense<OwnMatrix>::value &&
              lars::IsDense<NamedMatrix>::value);
static_assert(!lars::IsDense<Row>::value && !lars::IsDense<UnknownStrides>::value);

TEST(Wrapper, StepsMatricesThatOwnTheirElements) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  optimizer.set(lars::Key::learning_rate, 1.0);
  optimizer.set(lars::Key::trust_ratio_mask, 0);
  OwnMatrix w;
  const OwnMatrix g;
  EXPECT_TRUE(optimizer.step({w}, {g}));
  EXPECT_EQ(w.elements, (std::array<float, 3>{0, 0, 0}));
}

TEST(Wrapper, ThrowsAnErrorWithStatusAndMessage) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  try {
    optimizer.set(lars::Key::momentum, 2.0);
    FAIL();
  } catch (const lars::Error& error) {
    EXPECT_EQ(error.status(), lars::Status::value);
    EXPECT_STREQ(name_of(error.status()), "LARS_ERR_VALUE");
    EXPECT_NE(std::string(error.what()).find("momentum: 2"), std::string::npos) << error.what();
  }
  EXPECT_THROW(lars::Schedule::cosine_decay(1.0, 0), lars::Error);
}

TEST(Wrapper, ReturnsResultsWithoutExceptions) {
  lars::nothrow::Optimizer optimizer;
  EXPECT_EQ(optimizer.add_parameter("w", lars::Type::f32, {3}).value, 0U);
  const lars::Result<void> set = optimizer.set(lars::Key::momentum, 2.0);
  EXPECT_FALSE(set);
  EXPECT_EQ(set.status, lars::Status::value);
  EXPECT_NE(set.message.find("momentum: 2"), std::string::npos);
  const auto wrong = lars::nothrow::Schedule::cosine_decay(1.0, 0);
  const lars::Result<void> scheduled = optimizer.set(lars::Key::eps, wrong);
  EXPECT_EQ(scheduled.status, lars::Status::value);
  EXPECT_EQ(scheduled.message, wrong.message());
  EXPECT_EQ(wrong.value(0).status, lars::Status::value);
  EXPECT_TRUE(optimizer.set(lars::Key::learning_rate, lars::nothrow::Schedule::constant(0.5)));
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  const lars::Result<bool> step = optimizer.step({w}, {g});
  EXPECT_TRUE(step && step.value);
  const std::vector<float> nan = {1, NAN, 1};
  EXPECT_EQ(optimizer.step({w}, {nan}).status, lars::Status::nonfinite);
  EXPECT_TRUE(optimizer.set_nonfinite_policy(lars::NonfinitePolicy::skip));
  const lars::Result<bool> skipped = optimizer.step({w}, {nan});
  EXPECT_TRUE(skipped);
  EXPECT_FALSE(*skipped);
  EXPECT_EQ(skipped.status, lars::Status::skipped);
  EXPECT_EQ(optimizer.step({w}, {}).status, lars::Status::argument);
}

TEST(Wrapper, MovesItsFunctionsAlong) {
  int seen = 0;
  lars::Optimizer moved;
  {
    lars::Optimizer optimizer;
    optimizer.add_parameter("w", lars::Type::f32, {3});
    optimizer.set(lars::Key::learning_rate, lars::Schedule::callback([](std::uint64_t step) {
                    return 1.0 / (1.0 + static_cast<double>(step));
                  }));
    optimizer.set_observer(
        [&seen](const lars::StepReport& report) { seen += static_cast<int>(report.steps()); });
    moved = std::move(optimizer);
  }
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  moved.step({w}, {g});
  moved.step({w}, {g});
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(moved.get(0, lars::Key::learning_rate), 1.0 / 3.0);
  moved.set_observer({});
  moved.step({w}, {g});
  EXPECT_EQ(seen, 3);
}

TEST(Wrapper, LetsGoOfFunctionsThatNoParameterCanFollow) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  const auto token = std::make_shared<int>(0);
  const auto make = [&] { return lars::Schedule::callback([token](std::uint64_t) { return 0.5; }); };
  for (int i = 0; i < 10; ++i) optimizer.set(lars::Key::learning_rate, make());
  EXPECT_EQ(token.use_count(), 2) << "its own, and that of the last function";
  optimizer.set(lars::Key::momentum, make());
  optimizer.set("w", lars::Key::learning_rate, make());  // another parameter may follow the earlier one
  EXPECT_EQ(token.use_count(), 4);
  for (int i = 0; i < 10; ++i) optimizer.set("w", lars::Key::learning_rate, make());
  EXPECT_EQ(token.use_count(), 4) << "those that match a glob follow what the same glob was given last";
  EXPECT_THROW(optimizer.set("none", lars::Key::momentum, make()), lars::Error);
  EXPECT_EQ(token.use_count(), 4);
  optimizer.set(lars::Key::learning_rate, 0.1);
  EXPECT_EQ(token.use_count(), 2);
  EXPECT_EQ(optimizer.get(0, lars::Key::momentum), 0.5);
}

TEST(Wrapper, UsesTheHostsPool) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {1 << 18});
  optimizer.set(lars::Key::learning_rate, 1.0);
  std::uint32_t tasks = 0;
  optimizer.set_parallel_for(
      [&tasks](std::uint32_t count, const std::function<void(std::uint32_t)>& task) {
        for (std::uint32_t i = 0; i < count; ++i, ++tasks) task(i);
      },
      2);
  std::vector<float> w(1 << 18, 1.0F);
  const std::vector<float> g(1 << 18, 1.0F);
  optimizer.step({w}, {g});
  EXPECT_GT(tasks, 2U);
}

TEST(Wrapper, ReturnsToTheBuiltInThreads) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {1 << 18});
  optimizer.set(lars::Key::learning_rate, 1.0);
  std::uint32_t calls = 0;
  optimizer.set_parallel_for([&calls](std::uint32_t, const std::function<void(std::uint32_t)>&) { ++calls; },
                             2);
  std::vector<float> w(1 << 18, 1.0F);
  const std::vector<float> g(1 << 18, 1.0F);
  optimizer.step({w}, {g});
  const std::uint32_t before = calls;
  EXPECT_GT(before, 0U);
  optimizer.set_parallel_for({});
  EXPECT_TRUE(optimizer.step({w}, {g}));
  EXPECT_EQ(calls, before);
}

TEST(Wrapper, SaysAtWhichStepAScheduleHasNoValue) {
  const auto thrower =
      lars::Schedule::callback([](std::uint64_t) -> double { throw std::runtime_error("no"); });
  try {
    static_cast<void>(thrower.value(7));
    FAIL();
  } catch (const lars::Error& error) {
    EXPECT_EQ(error.status(), lars::Status::callback);
    EXPECT_STREQ(error.what(), "the schedule has no value at step 7: no");
    EXPECT_THROW(std::rethrow_if_nested(error), std::runtime_error);
  }
  const auto infinite = lars::nothrow::Schedule::polynomial(1e308, -1e308, 1.0, 10);
  EXPECT_EQ(infinite.value(3).status, lars::Status::value);
  EXPECT_EQ(infinite.value(3).message, "the schedule has no value at step 3");
}

/// What a function of the program threw is what the error carries.
template <class Call>
void expect_cause(const Call& call) {
  try {
    call();
    FAIL();
  } catch (const lars::Error& error) {
    EXPECT_EQ(error.status(), lars::Status::callback);
    EXPECT_NE(std::string(error.what()).find("the file is gone"), std::string::npos) << error.what();
    EXPECT_THROW(std::rethrow_if_nested(error), std::out_of_range);
  }
}

TEST(Wrapper, PassesOnWhatAFunctionThrew) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  expect_cause([&] {
    const auto predicate = [](const lars::Parameter&) -> bool {
      throw std::out_of_range("the file is gone");
    };
    optimizer.set_if(predicate, lars::Key::eps, 0.5);
  });
  EXPECT_EQ(optimizer.get(0, lars::Key::eps), 0.0);
  const auto thrower =
      lars::Schedule::callback([](std::uint64_t) -> double { throw std::out_of_range("the file is gone"); });
  optimizer.set(lars::Key::learning_rate, thrower);
  expect_cause([&] { optimizer.step({w}, {g}); });
  expect_cause([&] { static_cast<void>(optimizer.get(0, lars::Key::learning_rate)); });
  expect_cause([&] { static_cast<void>(thrower.value(0)); });

  lars::nothrow::Optimizer quiet;
  EXPECT_TRUE(quiet.add_parameter("w", lars::Type::f32, {3}));
  EXPECT_TRUE(
      quiet.set(lars::Key::learning_rate, lars::nothrow::Schedule::callback([](std::uint64_t) -> double {
                  throw std::out_of_range("the file is gone");
                })));
  const lars::Result<bool> step = quiet.step({w}, {g});
  EXPECT_EQ(step.status, lars::Status::callback);
  EXPECT_NE(step.message.find("the file is gone"), std::string::npos) << step.message;
}

/// An error of another call, and one of a call within a function, have nothing to do with it.
TEST(Wrapper, ForgetsWhatAFunctionThrewWithTheCall) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  const auto throws = [](const lars::Parameter&) -> bool { throw std::out_of_range("no"); };
  optimizer.set(lars::Key::learning_rate, lars::Schedule::callback([&](std::uint64_t) -> double {
                  lars::Optimizer inner;
                  inner.add_parameter("w", lars::Type::f32, {3});
                  EXPECT_THROW(inner.set_if(throws, lars::Key::eps, 0.5), lars::Error);
                  return std::nan("");
                }));
  try {
    static_cast<void>(optimizer.get(0, lars::Key::learning_rate));
    FAIL();
  } catch (const lars::Error& error) {
    EXPECT_EQ(error.status(), lars::Status::callback);
    EXPECT_NO_THROW(std::rethrow_if_nested(error));
  }
}

TEST(Wrapper, MayBeMovedToItself) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  const auto token = std::make_shared<double>(0.5);
  const std::weak_ptr<double> watched = token;
  optimizer.set(lars::Key::learning_rate,
                lars::Schedule::callback([token](std::uint64_t) { return *token; }));
  lars::Optimizer& same = optimizer;
  optimizer = std::move(same);
  EXPECT_EQ(token.use_count(), 2);
  std::vector<float> w = {1, 2, 3};
  const std::vector<float> g = {1, 1, 1};
  EXPECT_TRUE(optimizer.step({w}, {g}));
}

/// Types of the program's own, by a specialization of TypeOf.
TEST(Wrapper, TakesSixteenBitNumbers) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::bf16, {2});
  optimizer.add_parameter("h", lars::Type::f16, {1});
  optimizer.set(lars::Key::learning_rate, 1.0);
  optimizer.set(lars::Key::trust_ratio_mask, 0);
  std::vector<lars::BFloat16> w = {{0x3f80}, {0x4000}};  // 1, 2
  std::vector<lars::Half> h = {{0x3c00}};                // 1
  const std::vector<lars::BFloat16> w_gradient = w;
  const std::vector<lars::Half> h_gradient = h;
  optimizer.step({w, h}, {w_gradient, h_gradient});
  EXPECT_EQ(w[1].bits, 0U);
  EXPECT_EQ(h[0].bits, 0U);
}

TEST(Wrapper, StepsAllocateNothingAfterTheFirst) {
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {100});
  optimizer.set(lars::Key::learning_rate, 1.0);
  std::vector<float> w(100, 1.0F);
  const std::vector<float> g(100, 1.0F);
  optimizer.step({w}, {g});
  const std::uint64_t before = allocation_count();
  optimizer.step({w}, {g});
  EXPECT_EQ(allocation_count(), before);
}

TEST(Wrapper, SaysThatItsOptimizerWasMovedAway) {
  lars::Optimizer optimizer;
  const lars::Optimizer other = std::move(optimizer);
  EXPECT_THROW(optimizer.step({}, {}), lars::Error);  // NOLINT(bugprone-use-after-move): what is tested
}

}  // namespace
}  // namespace lars_test
