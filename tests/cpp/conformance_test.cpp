// lars.hpp plays the cases that every binding plays.
#include <gtest/gtest.h>

#include <fstream>

#include "player.h"

namespace lars_test {
namespace {

const Json& cases() {
  static const Json kCases = Json::parse(std::ifstream(LARS_CASES)).at("cases");
  return kCases;
}

Json expected_of(const Json& call) {
  Json expected = Json::object();
  for (const char* part : {"returns", "error", "arrays"}) {
    if (call.contains(part)) expected[part] = call.at(part);
  }
  return expected;
}

class Conformance : public testing::TestWithParam<std::size_t> {};

TEST_P(Conformance, PlaysAsRecorded) {
  const Json& one = cases()[GetParam()];
  Player player(one.at("arrays"));
  for (const Json& call : one.at("calls")) {
    EXPECT_EQ(player.play(call), expected_of(call)) << call;
  }
}

std::string test_name(const testing::TestParamInfo<std::size_t>& number) {
  std::string name = cases()[number.param].at("name").get<std::string>();
  for (char& letter : name) letter = std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::Range(std::size_t{0}, cases().size()), test_name);

}  // namespace
}  // namespace lars_test
