// Memory runs out: the Nth allocation of every call fails, for every N until the call gets by without it.
// Each time the status says so, nothing has changed, nothing leaks, and the same call succeeds when there is
// memory again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "capi/allocation_failure_calls.h"
#include "capi/allocation_failures.h"

namespace lars_test {
namespace {

std::string saved(const Trainee& trainee) {
  std::uint64_t bytes = 0;
  EXPECT_EQ(lars_save_size(trainee.get(), &bytes), LARS_OK) << lars_error_message(trainee.get());
  std::string buffer(bytes, '\0');
  EXPECT_EQ(lars_save_to(trainee.get(), buffer.data(), bytes), LARS_OK);
  return buffer;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What there was before the call: made without it, since even saving allocates what the first step is to
/// allocate.
struct Before {
  std::string state;
  std::string file = "no checkpoint";
};

class AllocationFailure : public testing::TestWithParam<Call> {
 protected:
  ~AllocationFailure() override { unlink(checkpoint_file().c_str()); }

  /// One world, one call, in which the nth allocation fails. Whether it came to that.
  static bool fail(const Call& call, int steps, std::int64_t width, const Before& before, long nth);
  /// All of them, one after the other. How many there were.
  static long fail_each(const Call& call, int steps, std::int64_t width);
};

bool AllocationFailure::fail(const Call& call, int steps, std::int64_t width, const Before& before,
                             long nth) {
  World world(steps, width);
  world.checkpoint = before.state;
  world.buffer.resize(before.state.size());
  std::ofstream(checkpoint_file(), std::ios::binary) << before.file;
  call.first(world);
  const std::string file = content(checkpoint_file());
  const std::vector<Bytes> parameters = world.trainee.parameters;
  std::int32_t status = 0;
  bool happened = false;
  {
    const FailingAllocation failing(nth);
    status = call.call(world);
    happened = FailingAllocation::happened();
  }
  if (status != LARS_ERR_MEMORY) {  // none failed, or it could do without
    EXPECT_EQ(status, call.status) << nth << ": " << lars_error_message(world.get());
    return happened;
  }
  EXPECT_TRUE(happened);
  EXPECT_STREQ(lars_error_message(world.get()), "out of memory; nothing was changed");
  EXPECT_EQ(world.trainee.parameters, parameters) << nth;
  EXPECT_EQ(content(checkpoint_file()), file) << nth;
  World twin(steps, width);
  twin.checkpoint = before.state;
  call.first(twin);
  EXPECT_EQ(saved(world.trainee), saved(twin.trainee)) << nth;
  EXPECT_EQ(call.call(world), call.status) << nth << ": " << lars_error_message(world.get());
  return happened;
}

long AllocationFailure::fail_each(const Call& call, int steps, std::int64_t width) {
  Before before;
  {
    static_cast<void>(checkpoint_file());  // made once, which is no leak
    const World twin(steps, width);
    before.state = saved(twin.trainee);
  }
  for (long nth = 0; nth < 100000; ++nth) {
    const long live = live_allocations();
    const bool happened = fail(call, steps, width, before, nth);
    EXPECT_EQ(live_allocations(), live) << nth;
    if (!happened) return nth;
    if (testing::Test::HasFailure()) break;  // it would only be repeated
  }
  ADD_FAILURE() << "it never got by";
  return 0;
}

TEST_P(AllocationFailure, ChangesNothingAndLeaksNothing) {
  const std::string name = GetParam().name;
  long tried = 0;
  for (const int steps : {0, 2}) {
    const bool too_late = name.starts_with("lars_add_parameter") || name == "lars_step_external";
    if (steps != 0 && too_late) continue;
    tried += fail_each(GetParam(), steps, 30);
  }
  RecordProperty("failures", std::to_string(tried));
}

std::string test_name(const testing::TestParamInfo<Call>& call) {
  std::string name = call.param.name;
  for (char& letter : name) letter = std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Calls, AllocationFailure, testing::ValuesIn(all_calls()), test_name);

/// With so many elements that a step is cut in shares, for which there must be room.
TEST_F(AllocationFailure, OfLargeStepsChangesNothing) {
  long tried = 0;
  for (const Call& call : stepping_calls()) {
    const std::string name = call.name;
    if (name == "lars_step" || name == "lars_accumulate") tried += fail_each(call, 0, 14000);
  }
  EXPECT_GT(tried, 0);
  RecordProperty("failures", std::to_string(tried));
}

/// As above with the built-in threads. They have run before: oneTBB does not survive a failure in its first
/// moments.
TEST_F(AllocationFailure, OfBuiltInThreadsChangesNothing) {
  const auto built_in = [](World& x) { EXPECT_EQ(lars_set_threads(x.get(), 2), LARS_OK); };
  {
    World world(0, 14000);
    built_in(world);
    ASSERT_EQ(world.trainee.step(), LARS_OK);
  }
  const Call step = {"lars_step", [](World& x) { return lars_step(x.get(), x.w.data(), x.g.data()); },
                     LARS_OK, built_in};
  const long before = failed_allocations();
  for (long nth = 0; fail(step, 0, 14000, Before(), nth); ++nth) ASSERT_FALSE(HasFailure());
  EXPECT_GT(failed_allocations(), before);
  RecordProperty("failures", std::to_string(failed_allocations() - before));
}

TEST(AllocationFailures, OfCreationGivesNull) {
  for (long nth = 0;; ++nth) {
    auto* optimizer = reinterpret_cast<lars_optimizer*>(1);
    std::int32_t status = 0;
    {
      const FailingAllocation failing(nth);
      status = lars_create(&optimizer);
    }
    if (status == LARS_OK) {
      EXPECT_EQ(lars_destroy(optimizer), LARS_OK);
      if (!FailingAllocation::happened()) break;
    } else {
      EXPECT_EQ(status, LARS_ERR_MEMORY);
      EXPECT_EQ(optimizer, nullptr);
    }
  }
}

// ---- Schedules ------------------------------------------------------------------------------------------

std::int32_t half(void* /*user*/, std::uint64_t /*step*/, double* value) {
  *value = 0.5;
  return 0;
}

using Constructor = std::function<std::int32_t(lars_schedule**)>;

const std::vector<std::pair<const char*, Constructor>>& constructors() {
  static const std::uint64_t boundaries[] = {3, 6};
  static const std::uint64_t steps[] = {10, 20};
  static const double scales[] = {0.5, 0.25};
  static const ScheduleHandle part =
      make_schedule(lars_schedule_piecewise_constant, 0.1, 2U, &boundaries[0], &scales[0]);
  static const lars_schedule* parts[] = {part.get(), part.get()};
  static const std::vector<std::pair<const char*, Constructor>> all = {
      {"lars_schedule_constant", [](auto** s) { return lars_schedule_constant(0.1, s); }},
      {"lars_schedule_linear", [](auto** s) { return lars_schedule_linear(0.1, 0.2, 5, 0, s); }},
      {"lars_schedule_polynomial", [](auto** s) { return lars_schedule_polynomial(0.1, 0.2, 2.0, 5, 0, s); }},
      {"lars_schedule_piecewise_constant",
       [](auto** s) { return lars_schedule_piecewise_constant(0.1, 2, boundaries, scales, s); }},
      {"lars_schedule_piecewise_interpolate",
       [](auto** s) {
         return lars_schedule_piecewise_interpolate(LARS_INTERPOLATE_COSINE, 0.1, 2, boundaries, scales, s);
       }},
      {"lars_schedule_exponential_decay",
       [](auto** s) { return lars_schedule_exponential_decay(0.1, 5, 0.5, 0, 0, nullptr, s); }},
      {"lars_schedule_cosine_decay",
       [](auto** s) { return lars_schedule_cosine_decay(0.1, 5, 0.0, 1.0, s); }},
      {"lars_schedule_linear_onecycle",
       [](auto** s) { return lars_schedule_linear_onecycle(100, 1.0, 0.3, 0.85, 25.0, 1e4, s); }},
      {"lars_schedule_cosine_onecycle",
       [](auto** s) { return lars_schedule_cosine_onecycle(100, 1.0, 0.3, 25.0, 1e4, s); }},
      {"lars_schedule_warmup_constant",
       [](auto** s) { return lars_schedule_warmup_constant(0.0, 1.0, 5, s); }},
      {"lars_schedule_warmup_cosine_decay",
       [](auto** s) { return lars_schedule_warmup_cosine_decay(0.0, 1.0, 10, 100, 0.1, 1.0, s); }},
      {"lars_schedule_warmup_exponential_decay",
       [](auto** s) {
         return lars_schedule_warmup_exponential_decay(0.0, 1.0, 5, 10, 0.5, 0, 0, nullptr, s);
       }},
      {"lars_schedule_sgdr",
       [](auto** s) { return lars_schedule_sgdr(2, scales, scales, boundaries, steps, scales, scales, s); }},
      {"lars_schedule_join", [](auto** s) { return lars_schedule_join(2, parts, boundaries, s); }},
      {"lars_schedule_callback", [](auto** s) { return lars_schedule_callback(half, nullptr, s); }},
  };
  return all;
}

TEST(AllocationFailures, OfSchedulesGivesNull) {
  long tried = 0;
  for (const auto& [name, construct] : constructors()) {
    SCOPED_TRACE(name);
    for (long nth = 0;; ++nth) {
      const long before = live_allocations();
      auto* schedule = reinterpret_cast<lars_schedule*>(1);
      std::int32_t status = 0;
      {
        const FailingAllocation failing(nth);
        status = construct(&schedule);
      }
      if (status == LARS_OK) {
        lars_schedule_destroy(schedule);
      } else {
        ASSERT_EQ(status, LARS_ERR_MEMORY);
        EXPECT_EQ(schedule, nullptr);
      }
      EXPECT_EQ(live_allocations(), before);
      if (!FailingAllocation::happened()) break;
      ++tried;
    }
  }
  EXPECT_GT(tried, static_cast<long>(constructors().size()));
  RecordProperty("failures", std::to_string(tried));
}

// ---- Completeness ---------------------------------------------------------------------------------------

/// Every function of lars.h that returns a status is among the calls.
TEST(AllocationFailures, AreTriedInEveryFunction) {
  std::set<std::string> tried = {"lars_create", "lars_destroy",
                                 "lars_schedule_value"};  // the last two allocate nothing
  for (const Call& call : all_calls())
    tried.insert(std::string(call.name).substr(0, std::strcspn(call.name, " ")));
  for (const auto& [name, construct] : constructors()) tried.insert(name);
  const std::string header = content(LARS_HEADER);
  const std::regex declaration(R"(LARS_API int32_t (lars_\w+)\()");
  std::set<std::string> declared;
  for (std::sregex_iterator it(header.begin(), header.end(), declaration), end; it != end; ++it)
    declared.insert((*it)[1]);
  EXPECT_GT(declared.size(), 50U);
  EXPECT_EQ(tried, declared);
}

}  // namespace
}  // namespace lars_test
