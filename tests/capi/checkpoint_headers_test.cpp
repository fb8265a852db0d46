// Headers of checkpoints: what is told of those that are none, and of newer ones.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/checkpoints.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

/// A file of format 1 with these tensors, members of the header.
std::string of_tensors(const std::string& tensors, const std::string& data = "") {
  return safetensors_file(R"({"__metadata__":{"format":"liblars","format_version":"1"},)" + tensors + "}",
                          data);
}

TEST_F(Checkpoints, WhatIsNoCheckpointOfLiblars) {
  Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  expect_refused(trainee, "", LARS_ERR_FORMAT, "too few");
  expect_refused(trainee, std::string(100, 'x'), LARS_ERR_FORMAT, "header would have");
  expect_refused(trainee, safetensors_file("["), LARS_ERR_FORMAT, "is not JSON");
  expect_refused(trainee, safetensors_file("[]"), LARS_ERR_FORMAT, "not a JSON object");
  expect_refused(trainee, safetensors_file("{}"), LARS_ERR_FORMAT, "no checkpoint of liblars");
  expect_refused(trainee, safetensors_file(R"({"a":1,"a":2})"), LARS_ERR_FORMAT, "twice");
  expect_refused(trainee, safetensors_file(std::string(5000, '[')), LARS_ERR_FORMAT, "nests deeper");
  expect_refused(trainee, safetensors_file(R"({"__metadata__":{"format":1}})"), LARS_ERR_FORMAT,
                 "no checkpoint of liblars");
}

TEST_F(Checkpoints, TensorsThatCannotBe) {
  Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})", std::string(8, ' ')),
                 LARS_ERR_FORMAT, "begins at byte 4");
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                            R"("u":{"dtype":"F32","shape":[1],"data_offsets":[2,6]})",
                            std::string(6, ' ')),
                 LARS_ERR_FORMAT, "ends at 4");
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]})", std::string(4, ' ')),
                 LARS_ERR_FORMAT, "make 8 bytes");
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F8","shape":[2],"data_offsets":[0,2]})", std::string(2, ' ')),
                 LARS_ERR_FORMAT, "F8");
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})"),
                 LARS_ERR_FORMAT, "more elements than can be counted");
  expect_refused(trainee,
                 of_tensors(R"("t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", std::string(4, ' ')),
                 LARS_ERR_FORMAT, "natural number");
}

/// The header of another program's file, as that of a model is.
TEST_F(Checkpoints, FilesOfModelsAreNone) {
  const Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  const std::string tensor = R"("w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]})";
  const std::string data(4, ' ');
  for (const std::string metadata : {"", R"("__metadata__":{},)", R"("__metadata__":{"format":"pt"},)"}) {
    expect_refused(trainee, safetensors_file("{" + metadata + tensor + "}", data), LARS_ERR_FORMAT,
                   "this is no checkpoint of liblars");
  }
}

/// Whatever is new in it.
TEST_F(Checkpoints, NewerFormatsAreRecognized) {
  const Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  const std::string data(8, ' ');
  for (const std::string version : {"2", "1.1", "01", "two"}) {
    for (const std::string tensors :
         {R"("t":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})",
          R"("t":{"dtype":"F32","shape":[1],"data_offsets":[4,8],"alignment":64})",
          R"("t":{"dtype":"F32","shape":[-1],"data_offsets":[0.5]})", R"("t":null)"}) {
      for (const std::string more : {"", R"(,"index":{"of":[1,2]})"}) {
        const std::string header = "{" + tensors +
                                   R"(,"__metadata__":{"format":"liblars","format_version":")" + version +
                                   R"(","written_by":"liblars 9.0.0")" + more + "}}";
        expect_refused(trainee, safetensors_file(header, data), LARS_ERR_FORMAT,
                       "has format " + version + ", written by liblars 9.0.0; this is liblars ");
      }
    }
  }
  expect_refused(trainee, safetensors_file(R"({"__metadata__":{"format":"liblars"}})"), LARS_ERR_FORMAT,
                 "has format unknown, written by unknown; this is liblars ");
}

/// JSON has neither NUL nor a byte order mark.
TEST_F(Checkpoints, BytesBesideTheHeadersJsonAreFound) {
  const Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  const std::string checkpoint = saved(trainee);
  std::uint64_t length = 0;
  std::memcpy(&length, checkpoint.data(), sizeof length);
  const std::string header = checkpoint.substr(sizeof length, length);
  const std::string data = checkpoint.substr(sizeof length + length);
  expect_ok(load(trainee, safetensors_file(header + "        ", data)), trainee);
  for (const std::string& more : {std::string(8, '\0'), std::string("\0junk", 5), std::string(" \0", 2)}) {
    expect_refused(trainee, safetensors_file(header + more, data), LARS_ERR_FORMAT, "is NUL");
  }
  expect_refused(trainee, safetensors_file(header + "junk", data), LARS_ERR_FORMAT, "is not JSON");
  expect_refused(trainee, safetensors_file("\xEF\xBB\xBF" + header, data), LARS_ERR_FORMAT,
                 "byte order mark");
}

/// Whatever bytes are in a file, what is said of them is UTF-8.
TEST_F(Checkpoints, MessagesOfDamagedHeadersAreUtf8) {
  const Trainee trainee = make_trainee([](Trainee&) {}, {{"w", LARS_F32, {2}}});
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "ß";
  for (const std::string& text :
       {std::string("\xff"), std::string("{\"\xc3"), std::string("{\"a\xff\":1}"),
        "{\"" + many + "\":1,\"" + many + "\":1}", "{\"x" + many + "\":1,\"x" + many + "\":1}"}) {
    EXPECT_EQ(load(trainee, safetensors_file(text)), LARS_ERR_FORMAT);
    EXPECT_NE(message(trainee).find("the header "), std::string::npos) << message(trainee);
    EXPECT_NO_THROW(nlohmann::json(message(trainee)).dump()) << message(trainee);
  }
}

}  // namespace
}  // namespace lars_test
