// What calls of lars.hpp take: texts, predicates, lists of arrays, shapes.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <fstream>
#include <lars/lars.hpp>
#include <string>
#include <vector>

namespace lars_test {
namespace {

TEST(Arguments, RefusesTextsThatHoldANul) {
  using namespace std::string_literals;
  lars::Optimizer optimizer;
  optimizer.add_parameter("w", lars::Type::f32, {3});
  const auto status_of = [](const auto& call) {
    try {
      call();
    } catch (const lars::Error& error) {
      EXPECT_NE(std::string(error.what()).find("NUL"), std::string::npos) << error.what();
      return error.status();
    }
    return lars::Status::ok;
  };
  EXPECT_EQ(status_of([&] { optimizer.add_parameter("v\0.bias"s, lars::Type::f32, {3}); }),
            lars::Status::name);
  EXPECT_EQ(status_of([&] { static_cast<void>(optimizer.parameter_index("w\0"s)); }), lars::Status::name);
  EXPECT_EQ(status_of([&] { optimizer.set("*\0.bias"s, lars::Key::weight_decay, 0.5); }),
            lars::Status::selector);
  EXPECT_EQ(status_of([&] { optimizer.set("*\0"s, lars::Key::eps, lars::Schedule::constant(0.5)); }),
            lars::Status::selector);
  EXPECT_EQ(status_of([&] { optimizer.set_gradient_type("*\0"s, lars::Type::f16); }), lars::Status::selector);
  EXPECT_EQ(status_of([&] { optimizer.set_kernels("auto\0"s); }), lars::Status::argument);
  const std::string path = testing::TempDir() + "lars-cut";
  EXPECT_EQ(status_of([&] { optimizer.save(path + "\0"s); }), lars::Status::argument);
  EXPECT_EQ(status_of([&] { optimizer.load(path + "\0"s); }), lars::Status::argument);
  EXPECT_EQ(optimizer.parameter_count(), 1U);
  EXPECT_EQ(optimizer.get(0, lars::Key::weight_decay), 0.0);
  EXPECT_EQ(optimizer.get(0, lars::Key::eps), 0.0);
  EXPECT_FALSE(std::ifstream(path).good());
  EXPECT_EQ(status_of([&] { optimizer.set_threads(1); }), lars::Status::ok);
}

/// What another call says is its own.
TEST(Arguments, ForgetsARefusedText) {
  using namespace std::string_literals;
  lars::nothrow::Optimizer optimizer;
  EXPECT_FALSE(optimizer.set_kernels("\0"s));
  EXPECT_EQ(optimizer.set_kernels("fast").message.find("NUL"), std::string::npos);
}

bool is_last(const lars::Parameter& parameter) { return parameter.name == "c"; }

TEST(Arguments, TakesPredicatesOfAnyKind) {
  lars::Optimizer optimizer;
  for (const char* name : {"a", "b", "c"}) optimizer.add_parameter(name, lars::Type::f32, {3});
  optimizer.set_if([count = 0](const lars::Parameter&) mutable { return count++ == 1; }, lars::Key::eps, 0.5);
  EXPECT_EQ(optimizer.get(0, lars::Key::eps), 0.0);
  EXPECT_EQ(optimizer.get(1, lars::Key::eps), 0.5);
  EXPECT_EQ(optimizer.get(2, lars::Key::eps), 0.0);
  optimizer.set_if(is_last, lars::Key::momentum, 0.25);
  EXPECT_EQ(optimizer.get(2, lars::Key::momentum), 0.25);
  optimizer.set_if(&is_last, lars::Key::momentum, lars::Schedule::constant(0.125));
  EXPECT_EQ(optimizer.get(2, lars::Key::momentum), 0.125);
}

TEST(Arguments, TakesListsOfArraysAndShapesOfAnyIntegers) {
  lars::Optimizer optimizer;
  std::vector<std::vector<float>> w = {{1, 2, 3, 4}, {5, 6}};
  const std::vector<std::vector<float>> g = {{1, 1, 1, 1}, {1, 1}};
  const std::array<std::size_t, 2> shape = {2, 2};
  optimizer.add_parameter("a", lars::Type::f32, shape);
  optimizer.add_parameter("b", lars::Type::f32, {w[1].size()});
  EXPECT_EQ(optimizer.parameter(0).shape.size(), 2U);
  EXPECT_EQ(optimizer.parameter(1).shape[0], 2);
  optimizer.set(lars::Key::learning_rate, 1.0);
  optimizer.set(lars::Key::trust_ratio_mask, 0);
  EXPECT_TRUE(optimizer.step(w, g));
  EXPECT_EQ(w[0], (std::vector<float>{0, 1, 2, 3}));
  EXPECT_EQ(w[1], (std::vector<float>{4, 5}));
  std::vector<lars::Tensor> gradients = {w[0], w[1]};
  std::vector<float> a = {1, 1, 1, 1};
  std::vector<float> b = {1, 1};
  EXPECT_TRUE(optimizer.step({a, b}, gradients));
  EXPECT_THROW(optimizer.step({a}, gradients), lars::Error);
}

}  // namespace
}  // namespace lars_test
