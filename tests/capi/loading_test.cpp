// What loading makes of the rest of a handle, and checkpoints whose checksums are right but whose content is
// not.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "support/checkpoints.h"

namespace lars_test {
namespace {

using nlohmann::json;

double value_of(const Trainee& trainee, std::uint32_t index, std::int32_t key) {
  double value = NAN;
  expect_ok(lars_get(trainee.get(), index, key, &value), trainee);
  return value;
}

std::int32_t add_parameter(const Trainee& trainee, const char* name) {
  return lars_add_parameter(trainee.get(), name, LARS_F32, 0, nullptr, nullptr);
}

// ---- Handles ---------------------------------------------------------------------------------------------

TEST(Loading, BringsTheDefaultsOfParametersToCome) {
  const Trainee saver({});
  ASSERT_EQ(lars_set(saver.get(), nullptr, LARS_MOMENTUM, 0.5), LARS_OK);
  const Trainee loader({});
  expect_ok(load(loader, saved(saver)), loader);
  ASSERT_EQ(add_parameter(loader, "later"), LARS_OK);
  EXPECT_EQ(value_of(loader, 0, LARS_MOMENTUM), 0.5);
}

TEST(Loading, OfAnOptimizerThatHasSteppedEndsTheTimeToAddParameters) {
  Trainee saver({{"w", LARS_F32, {3}}});
  saver.set(LARS_LEARNING_RATE, 0.1);
  expect_ok(saver.step(), saver);
  const Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(saver)), loader);
  EXPECT_EQ(add_parameter(loader, "late"), LARS_ERR_STATE);
}

std::int32_t give_tenth(void* /*user*/, std::uint64_t /*step*/, double* value) {
  *value = 0.1;
  return 0;
}

void set_callback(const Trainee& trainee) {
  const ScheduleHandle schedule =
      make_schedule(lars_schedule_callback, &give_tenth, static_cast<void*>(nullptr));
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), trainee);
}

TEST(Loading, KeepsTheHandlesCallbacksForParametersToCome) {
  const Trainee saver({});
  set_callback(saver);
  const Trainee loader({});
  set_callback(loader);
  expect_ok(load(loader, saved(saver)), loader);
  ASSERT_EQ(add_parameter(loader, "later"), LARS_OK);
  EXPECT_EQ(value_of(loader, 0, LARS_LEARNING_RATE), 0.1);
}

/// A schedule that is no callback cannot take the place of one.
TEST(Loading, AsksForCallbacksWhereTheHandleHasAnotherSchedule) {
  const Trainee saver({{"w", LARS_F32, {3}}});
  set_callback(saver);
  Trainee loader({{"w", LARS_F32, {3}}});
  const ScheduleHandle constant = make_schedule(lars_schedule_constant, 0.7);
  expect_ok(lars_set_schedule(loader.get(), nullptr, LARS_LEARNING_RATE, constant.get()), loader);
  expect_ok(load(loader, saved(saver)), loader);
  EXPECT_EQ(loader.step(), LARS_ERR_STATE);
}

/// It is saved as what it was: a callback that is to be set again.
TEST(Loading, ACallbackThatIsMissingIsSavedAsOne) {
  Trainee saver({{"w", LARS_F32, {3}}});
  set_callback(saver);
  const Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(saver)), loader);
  EXPECT_EQ(saved(loader), saved(saver));
}

TEST(Loading, WantsMetadataThatIsAnObject) {
  const Trainee loader({{"w", LARS_F32, {3}}});
  const std::string text = R"({"__metadata__":5})";
  std::string file(8, '\0');
  const std::uint64_t length = text.size();
  std::memcpy(file.data(), &length, sizeof length);
  EXPECT_EQ(load(loader, file + text), LARS_ERR_FORMAT);
  EXPECT_NE(message(loader).find("__metadata__ is not a JSON object"), std::string::npos) << message(loader);
}

/// Every number of every form has a part in these values; a form that lost one would give others.
TEST(Loading, BringsSchedulesWhole) {
  const double bound = 0.5;
  const std::uint64_t boundaries[] = {2, 5};
  const double scales[] = {0.25, 3.0};
  const ScheduleHandle bounded =
      make_schedule(lars_schedule_exponential_decay, 1.0, std::uint64_t{2}, 0.5, std::uint64_t{1}, 0, &bound);
  const ScheduleHandle stairs = make_schedule(lars_schedule_exponential_decay, 1.0, std::uint64_t{2}, 0.5,
                                              std::uint64_t{1}, 1, static_cast<const double*>(nullptr));
  const ScheduleHandle linear = make_schedule(lars_schedule_piecewise_interpolate, LARS_INTERPOLATE_LINEAR,
                                              0.8, 2U, &boundaries[0], &scales[0]);
  const ScheduleHandle cosine = make_schedule(lars_schedule_piecewise_interpolate, LARS_INTERPOLATE_COSINE,
                                              0.8, 2U, &boundaries[0], &scales[0]);
  const ScheduleHandle decay = make_schedule(lars_schedule_cosine_decay, 0.9, std::uint64_t{6}, 0.2, 1.7);
  const ScheduleHandle power =
      make_schedule(lars_schedule_polynomial, 0.9, 0.1, 1.7, std::uint64_t{5}, std::uint64_t{2});
  std::vector<TensorSpec> specs;
  std::vector<const lars_schedule*> schedules = {bounded.get(), stairs.get(), linear.get(),
                                                 cosine.get(),  decay.get(),  power.get()};
  for (std::size_t i = 0; i < schedules.size(); ++i)
    specs.push_back({"w" + std::to_string(i), LARS_F32, {3}});
  Trainee saver(specs);
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    expect_ok(lars_set_schedule(saver.get(), specs[i].name.c_str(), LARS_LEARNING_RATE, schedules[i]), saver);
  }
  Trainee loader(specs);
  expect_ok(load(loader, saved(saver)), loader);
  for (std::uint64_t step = 0; step < 9; ++step) {
    for (std::size_t i = 0; i < schedules.size(); ++i) {
      double expected = NAN;
      ASSERT_EQ(lars_schedule_value(schedules[i], step, &expected), LARS_OK);
      EXPECT_EQ(value_of(loader, static_cast<std::uint32_t>(i), LARS_LEARNING_RATE), expected)
          << i << ", " << step;
    }
    expect_ok(loader.step(), loader);
  }
}

// ---- Content ---------------------------------------------------------------------------------------------

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
    json texts = metadata;
    for (const auto& [part, content] : parts_.items()) texts[part] = content.dump();
    texts.erase("checksum");
    json content = {texts, json::object()};
    for (const auto& [name, tensor] : header.items()) {
      content[1][name] = {tensor["dtype"], tensor["shape"]};
    }
    texts["checksum"] = digest_of(content.dump());
    json whole = header;
    whole["__metadata__"] = texts;
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

 private:
  json parts_;
};

struct Case {
  const char* name;
  std::int32_t status;
  const char* text;  // of the message
  void (*forge)(Forgery& forgery);
};

const Case kCases[] = {
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
  EXPECT_EQ(saved(saver), before);
}

INSTANTIATE_TEST_SUITE_P(Content, Forgeries, testing::ValuesIn(kCases), [](const auto& test) {
  std::string name = test.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace lars_test
