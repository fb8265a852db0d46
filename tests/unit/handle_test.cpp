// The handle's room for a message.
#include "handle.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace lars::capi {
namespace {

std::string copied(const std::string& message) {
  std::array<char, 1024> room = {};
  room.fill('x');
  copy_message(room, message);
  return room.data();
}

TEST(Message, IsCutToItsRoomBetweenCharacters) {
  EXPECT_EQ(copied("ß and more"), "ß and more");
  EXPECT_EQ(copied(std::string(1023, 'n')), std::string(1023, 'n'));
  EXPECT_EQ(copied(std::string(1024, 'n')), std::string(1023, 'n'));
  EXPECT_EQ(copied(std::string(1022, 'n') + "ß"), std::string(1022, 'n'));
  EXPECT_EQ(copied(std::string(1021, 'n') + "\x01"), std::string(1021, 'n')) << "or within an escape";
  EXPECT_EQ(copied(""), "");
}

}  // namespace
}  // namespace lars::capi
