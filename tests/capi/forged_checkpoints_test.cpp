// Checkpoints whose checksums are right but whose content is not what liblars writes.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "support/checkpoints.h"

namespace lars_test {
namespace {

using nlohmann::json;

std::string digest_of(const std::string& bytes) {
  char text[17] = {};
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

/// A checkpoint taken apart by docs/checkpoints.md, to be changed and put together with the right checksums.
class Forgery {
 public:
  explicit Forgery(const std::string& checkpoint) {
    std::uint64_t length = 0;
    std::memcpy(&length, checkpoint.data(), sizeof length);
    header = json::parse(checkpoint.substr(8, length));
    data = checkpoint.substr(8 + length);
    metadata = header["__metadata__"];
    header.erase("__metadata__");
    for (const char* part : {"optimizer", "parameters", "hyperparameters", "schedules", "xxh3_64"}) {
      (*this)[part] = json::parse(metadata[part].get<std::string>());
    }
  }

  json& operator[](const char* part) { return parts_[part]; }

  [[nodiscard]] std::string file() const {
    json all = metadata;
    for (const auto& [part, content] : parts_.items()) all[part] = content.dump();
    for (const auto& [part, text] : texts) all[part] = text;
    all.erase("checksum");
    json content = {all, json::object()};
    for (const auto& [name, tensor] : header.items()) {
      content[1][name] = {tensor["dtype"], tensor["shape"]};
    }
    all["checksum"] = digest_of(content.dump());
    json whole = header;
    whole["__metadata__"] = all;
    std::string text = whole.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::string prefix(8, '\0');
    const std::uint64_t length = text.size();
    std::memcpy(prefix.data(), &length, sizeof length);
    return prefix + text + data;
  }

  json header;
  json metadata;
  std::string data;
  std::map<std::string, std::string> texts;  // of parts, in the place of what they were

 private:
  json parts_;
};

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

struct Case {
  const char* name;
  std::int32_t status;
  const char* text;  // of the message
  void (*forge)(Forgery& forgery);
};

const Case kCases[] = {
    {"another format", LARS_ERR_FORMAT, "this is no checkpoint of liblars",
     [](Forgery& f) { f.metadata["format"] = "pt"; }},
    {"a value out of range", LARS_ERR_FORMAT, "eps: -1 is not allowed",
     [](Forgery& f) { f["hyperparameters"][0]["constants"]["eps"] = "-1"; }},
    {"a value that is NaN", LARS_ERR_FORMAT, "eps: nan is not allowed",
     [](Forgery& f) { f["hyperparameters"][0]["constants"]["eps"] = "nan"; }},
    {"a value that is missing", LARS_ERR_FORMAT, "\"eps\" is missing",
     [](Forgery& f) { f["hyperparameters"][0]["constants"].erase("eps"); }},
    {"a number with more behind it", LARS_ERR_FORMAT, "\"0.5x\" is not a number",
     [](Forgery& f) { f["hyperparameters"][0]["constants"]["momentum"] = "0.5x"; }},
    {"a scheduled flag", LARS_ERR_FORMAT, "nesterov cannot follow a schedule",
     [](Forgery& f) { f["hyperparameters"][0]["schedules"]["nesterov"] = "0"; }},
    {"a schedule that is not there", LARS_ERR_FORMAT, "there is no schedule 7",
     [](Forgery& f) { f["hyperparameters"][0]["schedules"]["eps"] = "7"; }},
    {"a number of which only a part is shown", LARS_ERR_FORMAT, "is not a number",
     [](Forgery& f) { f["hyperparameters"][0]["constants"]["momentum"] = "x" + repeated("ß", 100); }},
    {"a form of which only a part is shown", LARS_ERR_FORMAT, "is no form of a schedule",
     [](Forgery& f) { f["schedules"][0]["form"] = "x" + repeated("ß", 100); }},
    {"a key of which only a part is shown", LARS_ERR_FORMAT, "parameters has the key \"xß",
     [](Forgery& f) {
       const std::string member = "\"x" + repeated("ß", 100) + "\":0";
       f.texts["parameters"] = "[{" + member + "," + member + "}]";
     }},
    {"bytes after a text", LARS_ERR_FORMAT, "schedules is not JSON: byte 2 is NUL",
     [](Forgery& f) { f.texts["schedules"] = std::string("[]\0junk", 7); }},
    {"parameters of more values than there can be", LARS_ERR_FORMAT,
     "parameters has more than 1050624 values",
     [](Forgery& f) { f.texts["parameters"] = "[" + repeated("0,", 1'050'623) + "0]"; }},
    {"schedules of more values than there can be", LARS_ERR_FORMAT, "schedules has more than 1050624 values",
     [](Forgery& f) { f.texts["schedules"] = "[" + repeated("{},", 1'050'623) + "{}]"; }},
    {"digests of more values than there can be", LARS_ERR_FORMAT, "xxh3_64 has more than 1050624 values",
     [](Forgery& f) { f.texts["xxh3_64"] = "[" + repeated("0,", 1'050'623) + "0]"; }},
    {"a schedule of no form", LARS_ERR_FORMAT, "\"spiral\" is no form of a schedule",
     [](Forgery& f) { f["schedules"][0]["form"] = "spiral"; }},
    {"a set that is not there", LARS_ERR_FORMAT, "there is no set 9",
     [](Forgery& f) { f["parameters"][0]["hyperparameters"] = "9"; }},
    {"too many accumulated", LARS_ERR_FORMAT, "2 of 1 micro-batches",
     [](Forgery& f) { f["optimizer"]["accumulated"] = "2"; }},
    {"no micro-batches", LARS_ERR_FORMAT, "0 of 0 micro-batches",
     [](Forgery& f) { f["optimizer"]["micro_batches"] = "0"; }},
    {"an unknown policy", LARS_ERR_FORMAT, "no policy 3",
     [](Forgery& f) { f["optimizer"]["nonfinite_policy"] = "3"; }},
    {"a clip of nothing", LARS_ERR_FORMAT, "a clip of 0",
     [](Forgery& f) { f["optimizer"]["gradient_clip"] = "0"; }},
    {"a clip of NaN", LARS_ERR_FORMAT, "a clip of nan",
     [](Forgery& f) { f["optimizer"]["gradient_clip"] = "nan"; }},
    {"a parameter twice", LARS_ERR_FORMAT, "parameter 'v' is there twice",
     [](Forgery& f) { f["parameters"].push_back(json(f["parameters"][0])); }},
    {"a parameter less", LARS_ERR_MISMATCH, "no parameter 'v'", [](Forgery& f) { f["parameters"].erase(0); }},
    {"a list that is an object", LARS_ERR_FORMAT, "an object",
     [](Forgery& f) { f["parameters"] = json::object(); }},
    {"a list that is true", LARS_ERR_FORMAT, "true or false", [](Forgery& f) { f["parameters"] = true; }},
    {"a list that is a number", LARS_ERR_FORMAT, "a number", [](Forgery& f) { f["parameters"] = -0.5; }},
    {"a list that is a natural number", LARS_ERR_FORMAT, "a natural number",
     [](Forgery& f) { f["parameters"] = 7; }},
    {"an object that is a list", LARS_ERR_FORMAT, "not a list",
     [](Forgery& f) { f["optimizer"] = json::array(); }},
    {"a list that is null", LARS_ERR_FORMAT, "null", [](Forgery& f) { f["parameters"] = nullptr; }},
    {"an extent beyond all", LARS_ERR_FORMAT, "an extent of tensor 'w.momentum' is too large",
     [](Forgery& f) { f.header["w.momentum"]["shape"] = {UINT64_MAX}; }},
    {"a tensor less", LARS_ERR_FORMAT, "tensor 'w.momentum' is missing",
     [](Forgery& f) {
       f.header["other"] = f.header["w.momentum"];
       f.header.erase("w.momentum");
     }},
    {"a tensor more", LARS_ERR_FORMAT, "there are 3 tensors, but 2 belong",
     [](Forgery& f) {
       f.header["other"] = {
           {"dtype", "F32"}, {"shape", {1}}, {"data_offsets", {f.data.size(), f.data.size() + 4}}};
       f.data += "more";
     }},
    {"a tensor of another shape", LARS_ERR_MISMATCH, "tensor 'w.momentum' is F32 (5)",
     [](Forgery& f) { f.header["w.momentum"]["shape"] = {5}; }},
    {"a tensor without a digest", LARS_ERR_FORMAT, "\"w.momentum\" is missing",
     [](Forgery& f) { f["xxh3_64"].erase("w.momentum"); }},
    {"a tensor's digest that is another's", LARS_ERR_FORMAT, "tensor 'w.momentum' is damaged",
     [](Forgery& f) { f["xxh3_64"]["w.momentum"] = f["xxh3_64"]["v.momentum"]; }},
};

/// Files of before telemetry was 0 then have other values.
TEST(Loading, BringsNoTelemetryOfStepsThatWereNotTaken) {
  const Trainee saver({{"w", LARS_F32, {3}}});
  Forgery older(saved(saver));
  older["parameters"][0]["trust_ratio"] = "1";
  older["parameters"][0]["gradient_norm"] = "nan";
  const Trainee loader(saver.specs());
  expect_ok(load(loader, older.file()), loader);
  for (const std::int32_t quantity : {LARS_TELEMETRY_TRUST_RATIO, LARS_TELEMETRY_GRADIENT_NORM}) {
    double value = NAN;
    expect_ok(lars_telemetry(loader.get(), quantity, &value), loader);
    EXPECT_EQ(value, 0.0);
  }
}

class Forgeries : public testing::TestWithParam<Case> {
 protected:
  static Trainee make_saver() {
    Trainee trainee({{"v", LARS_F32, {3}}, {"w", LARS_F32, {5, 1}}});
    const ScheduleHandle schedule =
        make_schedule(lars_schedule_linear, 0.5, 0.1, std::uint64_t{9}, std::uint64_t{0});
    expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), trainee);
    expect_ok(trainee.step(), trainee);
    return trainee;
  }
};

TEST_P(Forgeries, AreRefusedThoughTheirChecksumsAreRight) {
  const Trainee saver = make_saver();
  const std::string before = saved(saver);
  Forgery forgery(before);
  const Trainee loader(saver.specs());
  expect_ok(load(loader, forgery.file()), loader);  // as it is
  EXPECT_EQ(saved(loader), before);

  GetParam().forge(forgery);
  EXPECT_EQ(load(saver, forgery.file()), GetParam().status);
  EXPECT_NE(message(saver).find(GetParam().text), std::string::npos) << message(saver);
  EXPECT_NO_THROW(json(message(saver)).dump()) << "not UTF-8: " << message(saver);
  EXPECT_EQ(saved(saver), before);
}

INSTANTIATE_TEST_SUITE_P(Content, Forgeries, testing::ValuesIn(kCases), [](const auto& test) {
  std::string name = test.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace lars_test
