// What loading makes of the rest of a handle.
#include <array>
#include <cmath>
#include <cstring>

#include "support/checkpoints.h"

namespace lars_test {
namespace {

double value_of(const Trainee& trainee, std::uint32_t index, std::int32_t key) {
  double value = NAN;
  expect_ok(lars_get(trainee.get(), index, key, &value), trainee);
  return value;
}

std::int32_t add_parameter(const Trainee& trainee, const char* name) {
  return lars_add_parameter(trainee.get(), name, LARS_F32, 0, nullptr, nullptr);
}

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
  EXPECT_STREQ(lars_error_message(loader.get()),
               "learning_rate of 'w': the checkpoint was saved with a callback as schedule, which it cannot "
               "hold; set it again with lars_set_schedule");
}

/// The one that an earlier checkpoint asked for, and that was never set, is none of the handle's own.
TEST(Loading, TakesAnotherCheckpointsScheduleWhereACallbackIsStillMissing) {
  const Trainee plain({{"w", LARS_F32, {3}}});
  set_callback(plain);
  const Trainee joined({{"w", LARS_F32, {3}}});
  const ScheduleHandle callback =
      make_schedule(lars_schedule_callback, &give_tenth, static_cast<void*>(nullptr));
  const ScheduleHandle constant = make_schedule(lars_schedule_constant, 0.7);
  const std::array<const lars_schedule*, 2> parts = {constant.get(), callback.get()};
  const std::uint64_t boundary = 1000;
  const ScheduleHandle schedule = make_schedule(lars_schedule_join, 2U, parts.data(), &boundary);
  expect_ok(lars_set_schedule(joined.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), joined);
  Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(plain)), loader);
  expect_ok(load(loader, saved(joined)), loader);
  EXPECT_EQ(saved(loader), saved(joined));
  expect_ok(load(loader, saved(plain)), loader);
  EXPECT_EQ(saved(loader), saved(plain));
}

/// And not when that part is reached, perhaps days later.
TEST(Loading, AsksAtTheNextStepForACallbackInALaterPartOfAJoin) {
  const Trainee saver({{"w", LARS_F32, {3}}});
  const ScheduleHandle constant = make_schedule(lars_schedule_constant, 0.7);
  const ScheduleHandle callback =
      make_schedule(lars_schedule_callback, &give_tenth, static_cast<void*>(nullptr));
  const std::array<const lars_schedule*, 2> parts = {constant.get(), callback.get()};
  const std::uint64_t boundary = 1000;
  const ScheduleHandle schedule = make_schedule(lars_schedule_join, 2U, parts.data(), &boundary);
  expect_ok(lars_set_schedule(saver.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), saver);
  Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(saver)), loader);
  double value = 0.0;
  EXPECT_EQ(lars_get(loader.get(), 0, LARS_LEARNING_RATE, &value), LARS_ERR_STATE);
  EXPECT_EQ(loader.step(), LARS_ERR_STATE);
  expect_ok(lars_set_schedule(loader.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), loader);
  expect_ok(loader.step(), loader);
}

/// Whatever can be set can be saved, and what can be saved can be loaded.
TEST(Loading, TakesEveryScheduleThatCanBeSet) {
  const std::array<std::uint64_t, 3> boundaries = {0, 10, 20};
  const std::array<double, 3> scales = {0.5, 1e308, 1e308};
  const std::array<double, 3> lost = {1e308, 1e308, 0.0};  // beyond binary64, and then NaN
  std::vector<ScheduleHandle> schedules;
  for (const std::int32_t interpolation : {LARS_INTERPOLATE_LINEAR, LARS_INTERPOLATE_COSINE}) {
    for (const double* factors : {scales.data(), lost.data()}) {
      schedules.push_back(make_schedule(lars_schedule_piecewise_interpolate, interpolation, 1.0, 3U,
                                        boundaries.data(), factors));
    }
  }
  schedules.push_back(
      make_schedule(lars_schedule_linear_onecycle, std::uint64_t{100}, 1.0, 0.0, 0.85, 25.0, 1e4));
  schedules.push_back(make_schedule(lars_schedule_cosine_onecycle, std::uint64_t{3}, 1.0, 0.3, 25.0, 1e4));
  for (const ScheduleHandle& schedule : schedules) {
    const Trainee saver({{"w", LARS_F32, {3}}});
    expect_ok(lars_set_schedule(saver.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), saver);
    const Trainee loader({{"w", LARS_F32, {3}}});
    expect_ok(load(loader, saved(saver)), loader);
    EXPECT_EQ(saved(loader), saved(saver));
  }
}

TEST(Loading, TakesTheDeepestJoinsThatCanBeMade) {
  ScheduleHandle schedule = make_schedule(lars_schedule_constant, 0.5);
  const ScheduleHandle other = make_schedule(lars_schedule_constant, 0.25);
  std::int32_t status = LARS_OK;
  for (std::uint64_t depth = 0; status == LARS_OK; ++depth) {
    const Trainee saver({{"w", LARS_F32, {3}}});
    if (depth % 100 == 0) {
      expect_ok(lars_set_schedule(saver.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), saver);
      const Trainee loader({{"w", LARS_F32, {3}}});
      expect_ok(load(loader, saved(saver)), loader);
    }
    const std::array<const lars_schedule*, 2> parts = {schedule.get(), other.get()};
    lars_schedule* deeper = nullptr;
    status = lars_schedule_join(2, parts.data(), &depth, &deeper);
    if (status == LARS_OK) {
      schedule.reset(deeper);
      continue;
    }
    EXPECT_EQ(depth, 400U);
    EXPECT_STREQ(lars_schedule_error_message(deeper),
                 "joined schedules nest 400 deep already; join them all in one call");
    lars_schedule_destroy(deeper);
  }
  EXPECT_EQ(status, LARS_ERR_ARGUMENT);
}

/// For a run that others began: the count may be saved before this one begins.
TEST(Loading, TakesStepCountsThatWereSetBeforeTheFirstStep) {
  const Trainee saver({{"w", LARS_F32, {3}}});
  expect_ok(lars_set_parameter_step_count(saver.get(), 0, 100), saver);
  const Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(saver)), loader);
  std::uint64_t steps = 0;
  expect_ok(lars_step_count(loader.get(), &steps), loader);
  EXPECT_EQ(steps, 100U);
  EXPECT_EQ(lars_norms(loader.get(), 0, nullptr, nullptr, nullptr), LARS_ERR_STATE);
  EXPECT_EQ(add_parameter(loader, "later"), LARS_OK);
}

TEST(Loading, TakesEmptyTensorsWhateverTheirOtherExtents) {
  Trainee saver({{"w", LARS_F32, {std::int64_t{1} << 62, std::int64_t{1} << 62, 0}}});
  saver.set(LARS_LEARNING_RATE, 0.5);
  expect_ok(saver.step(), saver);
  const Trainee loader(saver.specs());
  expect_ok(load(loader, saved(saver)), loader);
}

/// It is saved as what it was: a callback that is to be set again.
TEST(Loading, ACallbackThatIsMissingIsSavedAsOne) {
  Trainee saver({{"w", LARS_F32, {3}}});
  set_callback(saver);
  const Trainee loader({{"w", LARS_F32, {3}}});
  expect_ok(load(loader, saved(saver)), loader);
  EXPECT_EQ(saved(loader), saved(saver));
}

/// What could not be loaded is not saved either.
TEST(Saving, WantsAHeaderThatSafetensorsAllows) {
  const OptimizerHandle saver = make_optimizer();
  for (int i = 0; i < 60'000; ++i) {
    std::string name = std::to_string(i);
    name.resize(255, '\\');  // JSON within JSON escapes it twice
    ASSERT_EQ(lars_add_parameter(saver.get(), name.c_str(), LARS_F32, 0, nullptr, nullptr), LARS_OK);
  }
  std::uint64_t size = 0;
  EXPECT_EQ(lars_save_size(saver.get(), &size), LARS_ERR_STATE) << size;
  EXPECT_NE(std::string(lars_error_message(saver.get())).find("programs read at most 100000000"),
            std::string::npos)
      << lars_error_message(saver.get());
}

TEST(Loading, WantsAHeaderThatSafetensorsAllows) {
  const Trainee loader({{"w", LARS_F32, {3}}});
  std::string file(8 + 100'000'001, ' ');
  const std::uint64_t length = file.size() - 8;
  std::memcpy(file.data(), &length, sizeof length);
  EXPECT_EQ(load(loader, file), LARS_ERR_FORMAT);
  EXPECT_EQ(message(loader),
            "this is no checkpoint: its header would have 100000001 bytes, and may have 100000000");
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

}  // namespace
}  // namespace lars_test
