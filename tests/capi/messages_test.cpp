// Messages give the reason, in printable UTF-8, whatever the caller's words are.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// Calls that quote a text of the caller's, and what each must say of it.
struct Quoting {
  const char* reason;
  std::int32_t (*call)(lars_optimizer*, const char* text);
};

constexpr std::array<Quoting, 6> kQuoting = {{
    {"are allowed",
     [](lars_optimizer* x, const char* text) {
       return lars_add_parameter(x, text, LARS_F32, 0, nullptr, nullptr);
     }},
    {"no parameter is called",
     [](lars_optimizer* x, const char* text) {
       std::uint32_t index = 0;
       return lars_parameter_index(x, text, &index);
     }},
    {"check its spelling",
     [](lars_optimizer* x, const char* text) { return lars_set(x, text, LARS_EPS, 0.0); }},
    {"check its spelling",
     [](lars_optimizer* x, const char* text) { return lars_set_gradient_dtype(x, text, LARS_F32); }},
    {"the choices here are", [](lars_optimizer* x, const char* text) { return lars_set_kernels(x, text); }},
    {"must be added before",
     [](lars_optimizer* x, const char* text) {
       const float gradient = 1.0F;
       float parameter = 1.0F;
       EXPECT_EQ(lars_step_flat(x, &parameter, &gradient), LARS_OK);
       return lars_add_parameter(x, text, LARS_F32, 0, nullptr, nullptr);
     }},
}};

OptimizerHandle make_ready() {
  OptimizerHandle optimizer = make_optimizer();
  EXPECT_EQ(lars_add_parameter(optimizer.get(), "w", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_set(optimizer.get(), nullptr, LARS_LEARNING_RATE, 0.5), LARS_OK);
  return optimizer;
}

TEST(Messages, GiveTheReasonHoweverLongTheTextIs) {
  const std::string text(5000, 'n');
  for (const Quoting& quoting : kQuoting) {
    const OptimizerHandle optimizer = make_ready();
    EXPECT_LT(quoting.call(optimizer.get(), text.c_str()), 0);
    const std::string message = lars_error_message(optimizer.get());
    EXPECT_NE(message.find(quoting.reason), std::string::npos) << message;
    EXPECT_NE(message.find("nnn…"), std::string::npos) << message;
  }
}

TEST(Messages, ArePrintable) {
  for (const Quoting& quoting : kQuoting) {
    const OptimizerHandle optimizer = make_ready();
    EXPECT_LT(quoting.call(optimizer.get(), "\x1b[2J\xff\n"), 0);
    const std::string message = lars_error_message(optimizer.get());
    for (const char byte : message) {
      EXPECT_TRUE(byte >= ' ' || static_cast<unsigned char>(byte) >= 0x80) << message;
      EXPECT_NE(byte, '\xff') << message;
    }
  }
  const OptimizerHandle optimizer = make_ready();
  EXPECT_EQ(lars_set(optimizer.get(), "\x1b[2J\xff", LARS_EPS, 0.0), LARS_ERR_SELECTOR);
  EXPECT_STREQ(lars_error_message(optimizer.get()),
               "selector \"\\x1b[2J\\xff\" matches none of the 1 parameter added so far; check its spelling");
}

TEST(Messages, NameBothOfTwoLongNames) {
  const std::string first(LARS_MAX_NAME, 'a');
  const std::string second(LARS_MAX_NAME, 'b');
  Trainee trainee({{first, LARS_F32, {2}}, {second, LARS_F32, {2}}});
  trainee.set(LARS_LEARNING_RATE, 0.5);
  float w[2] = {1, 2};
  const std::array<void*, 2> parameters = {w, w};
  const std::array<const void*, 2> gradients = {trainee.gradients[0].data(), trainee.gradients[1].data()};
  EXPECT_EQ(lars_step(trainee.get(), parameters.data(), gradients.data()), LARS_ERR_ALIAS);
  const std::string message = lars_error_message(trainee.get());
  EXPECT_NE(message.find("'" + first + "' (index 0)"), std::string::npos) << message;
  EXPECT_NE(message.find("'" + second + "' (index 1)"), std::string::npos) << message;
  EXPECT_NE(message.find("a buffer that is written needs its own"), std::string::npos) << message;
}

TEST(Messages, CountInEnglish) {
  const OptimizerHandle optimizer = make_ready();
  EXPECT_EQ(lars_parameter_info(optimizer.get(), 1, nullptr, nullptr, nullptr, nullptr), LARS_ERR_INDEX);
  EXPECT_STREQ(lars_error_message(optimizer.get()), "index 1 is out of range; there is 1 parameter");
  EXPECT_EQ(lars_check_arrays(optimizer.get(), LARS_ROLE_GRADIENT, 0, nullptr, nullptr), LARS_ERR_ARGUMENT);
  EXPECT_STREQ(lars_error_message(optimizer.get()),
               "0 gradient arrays were given, but there is 1 parameter; each needs one, in order of index");
  EXPECT_EQ(lars_add_parameter(optimizer.get(), "v", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  const std::int32_t dtype = LARS_F32;
  const std::uint64_t elements = 1;
  EXPECT_EQ(lars_check_arrays(optimizer.get(), LARS_ROLE_GRADIENT, 1, &dtype, &elements), LARS_ERR_ARGUMENT);
  EXPECT_STREQ(lars_error_message(optimizer.get()),
               "1 gradient array was given, but there are 2 parameters; each needs one, in order of index");
}

}  // namespace
}  // namespace lars_test
