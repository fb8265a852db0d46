// Text in UTF-8, against the Unicode Standard, table 3-7.
#include "utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lars {
namespace {

TEST(Utf8, KnowsCharacters) {
  const std::vector<std::string> characters = {"a",    "~",          "\u00a0",     "\u07ff",    "\u0800",
                                               "€",    "\ud7ff",     "\ue000",     "\uffff",    "\U00010000",
                                               "🙂", "\U000fffff", "\U0010ffff", "\U00100000"};
  for (const std::string& one : characters) {
    const Character character = first_character(one + "x");
    EXPECT_TRUE(character.valid && !character.control) << one;
    EXPECT_EQ(character.bytes, one.size()) << one;
  }
}

TEST(Utf8, KnowsControlCharacters) {
  for (const std::string one : {"\x01", "\n", "\x1f", "\x7f", "\u0080", "\u009f"}) {
    EXPECT_TRUE(first_character(one).valid && first_character(one).control) << shown(one);
  }
}

TEST(Utf8, RefusesOtherBytes) {
  const std::vector<std::string> bytes = {
      "\x80",
      "\xbf",
      "\xc0\x80",
      "\xc1\xbf",
      "\xc2",
      "\xc2x",
      "\xe0\x9f\xbf",
      "\xed\xa0\x80",
      "\xe2\x82",
      "\xe2\x82x",
      "\xf0\x8f\xbf\xbf",
      "\xf0\x9f",
      "\xff",
      "\xf4\x90\x80\x80",
      "\xf5\x80\x80\x80",
  };
  for (const std::string& one : bytes) {
    EXPECT_FALSE(first_character(one).valid) << shown(one);
    EXPECT_EQ(first_character(one).bytes, 1U) << shown(one);
  }
}

TEST(Utf8, ShowsWhatCanBePrinted) {
  EXPECT_EQ(shown("größe"), "größe");
  EXPECT_EQ(shown("a\n\xff\u0085"), "a\\x0a\\xff\\xc2\\x85");
  EXPECT_EQ(shown(std::string(96, 'n')), std::string(96, 'n'));
  EXPECT_EQ(shown(std::string(97, 'n')), std::string(96, 'n') + "…");
  EXPECT_EQ(shown(std::string(95, 'n') + "ß"), std::string(95, 'n') + "…") << "cut between characters";
}

}  // namespace
}  // namespace lars
