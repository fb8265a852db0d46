// A state that the caller keeps: the same bits as with the library's own, and never both.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

/// At once, and not when all memory is used up.
TEST(External, TensorsBeyondAllMemoryAreRefused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's operator new ends the process where memory is out";
#endif
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t count = std::int64_t{1} << 60;
  ASSERT_EQ(lars_add_parameter(optimizer.get(), "w", LARS_F32, 1, &count, nullptr), LARS_OK);
  ASSERT_EQ(lars_set(optimizer.get(), nullptr, LARS_LEARNING_RATE, 0.1), LARS_OK);
  float number = 0.0F;
  void* one = &number;
  const void* gradient = &number;
  EXPECT_EQ(lars_step_external(optimizer.get(), &one, &gradient, &one, nullptr), LARS_ERR_MEMORY);
}

/// Nor do more elements in all than a table can list become anything else.
TEST(External, TensorsBeyondAllTablesAreRefused) {
  const OptimizerHandle optimizer = make_optimizer();
  const std::int64_t count = (std::int64_t{1} << 61) - 1;
  const std::uint32_t parameters = 1U << 15;
  for (std::uint32_t i = 0; i < parameters; ++i) {
    const std::string name = std::to_string(i);
    ASSERT_EQ(lars_add_parameter(optimizer.get(), name.c_str(), LARS_F32, 1, &count, nullptr), LARS_OK);
  }
  ASSERT_EQ(lars_set(optimizer.get(), nullptr, LARS_LEARNING_RATE, 0.1), LARS_OK);
  float number = 0.0F;
  std::vector<void*> written(parameters, &number);
  const std::vector<const void*> read(parameters, &number);
  EXPECT_EQ(lars_step_external(optimizer.get(), written.data(), read.data(), written.data(), nullptr),
            LARS_ERR_MEMORY)
      << lars_error_message(optimizer.get());
}

/// Momentum and masters as a framework would keep them.
struct CallersState {
  explicit CallersState(const std::vector<TensorSpec>& specs) {
    for (const TensorSpec& spec : specs) {
      momentum.emplace_back(spec.count() * size_of_type(compute_type_of(spec.dtype)));
      const std::size_t master = spec.dtype == LARS_F16 ? 4 : spec.dtype == LARS_BF16 ? 2 : 0;
      masters.emplace_back(spec.count() * master);
    }
  }

  std::int32_t step(Trainee& trainee) {
    return lars_step_external(trainee.get(), trainee.parameter_pointers().data(),
                              trainee.gradient_pointers().data(), pointers(momentum).data(),
                              pointers(masters).data());
  }

  static std::vector<void*> pointers(std::vector<Bytes>& arrays) {
    std::vector<void*> all;
    for (Bytes& array : arrays) all.push_back(array.data());
    return all;
  }

  std::vector<Bytes> momentum;
  std::vector<Bytes> masters;
};

class External : public testing::TestWithParam<std::int32_t> {
 protected:
  static Trainee make_trainee() {
    Trainee trainee(assorted_tensors(GetParam()));
    trainee.set(LARS_LEARNING_RATE, 5.0);
    trainee.set(LARS_WEIGHT_DECAY, 0.01);
    trainee.set(LARS_NESTEROV, 1, "conv.*");
    trainee.set(LARS_DAMPENING, 0.25);  // of every step but the first
    return trainee;
  }
};

TEST_P(External, HasTheBitsOfTheLibrarysOwn) {
  Trainee own = make_trainee();
  Trainee external = make_trainee();
  CallersState state(external.specs());
  for (std::uint64_t step = 0; step < 3; ++step) {
    own.draw_gradients(step);
    external.draw_gradients(step);
    ASSERT_EQ(own.step(), LARS_OK);
    ASSERT_EQ(state.step(external), LARS_OK) << lars_error_message(external.get());
    EXPECT_EQ(external.parameters, own.parameters) << "step " << step;
  }
}

/// The caller's state may go from one handle to the next between steps, with its step counts: a first step is
/// not dampened, a later one is.
TEST_P(External, GoesOnInAnotherHandle) {
  Trainee own = make_trainee();
  Trainee first = make_trainee();
  Trainee told = make_trainee();
  Trainee untold = make_trainee();
  CallersState state(first.specs());
  ASSERT_EQ(own.step(), LARS_OK);
  ASSERT_EQ(own.step(), LARS_OK);
  ASSERT_EQ(state.step(first), LARS_OK);
  CallersState copy = state;
  told.parameters = first.parameters;
  untold.parameters = first.parameters;
  for (std::uint32_t i = 0; i < told.specs().size(); ++i)
    ASSERT_EQ(lars_set_parameter_step_count(told.get(), i, 1), LARS_OK);
  ASSERT_EQ(state.step(told), LARS_OK);
  ASSERT_EQ(copy.step(untold), LARS_OK);
  EXPECT_EQ(told.parameters, own.parameters);
  EXPECT_NE(untold.parameters, own.parameters);
}

TEST_P(External, UpdatesHaveTheBitsOfTheLibrarysOwn) {
  Trainee own = make_trainee();
  Trainee external = make_trainee();
  CallersState state(own.specs());
  std::vector<Bytes> own_updates = own.parameters;
  std::vector<Bytes> updates = own.parameters;
  for (std::uint64_t step = 0; step < 3; ++step) {
    own.draw_gradients(step);
    external.draw_gradients(step);
    const std::vector<void*> w = own.parameter_pointers();
    const std::int32_t expected = lars_update(own.get(), w.data(), own.gradient_pointers().data(),
                                              CallersState::pointers(own_updates).data());
    const std::vector<void*> x = external.parameter_pointers();
    ASSERT_EQ(lars_update_external(external.get(), x.data(), external.gradient_pointers().data(),
                                   CallersState::pointers(state.momentum).data(),
                                   CallersState::pointers(updates).data()),
              expected);
    EXPECT_EQ(expected, size_of_type(GetParam()) == 2 ? LARS_ERR_TYPE : LARS_OK);
    EXPECT_EQ(updates, own_updates);
  }
}

TEST_P(External, LeavesTheStateAloneWhenItFails) {
  Trainee trainee = make_trainee();
  CallersState state(trainee.specs());
  ASSERT_EQ(state.step(trainee), LARS_OK);
  const CallersState before = state;
  const std::vector<Bytes> parameters = trainee.parameters;
  set_element(trainee.specs()[1], trainee.gradients[1], 3, NAN);
  EXPECT_EQ(state.step(trainee), LARS_ERR_NONFINITE);
  EXPECT_EQ(lars_set_nonfinite_policy(trainee.get(), LARS_NONFINITE_SKIP), LARS_OK);
  EXPECT_EQ(state.step(trainee), LARS_SKIPPED);
  EXPECT_EQ(state.momentum, before.momentum);
  EXPECT_EQ(state.masters, before.masters);
  EXPECT_EQ(trainee.parameters, parameters);
}

INSTANTIATE_TEST_SUITE_P(Types, External, testing::Values(LARS_F32, LARS_F64, LARS_F16, LARS_BF16),
                         [](const auto& type) { return "dtype" + std::to_string(type.param); });

/// After a load the state is the library's, whoever had it before.
TEST(ExternalState, GivesWayToOneThatIsLoaded) {
  const std::vector<TensorSpec> specs = {{"w", LARS_F32, {40}}};
  Trainee own(specs);
  Trainee external(specs);
  own.set(LARS_LEARNING_RATE, 1.0);
  external.set(LARS_LEARNING_RATE, 1.0);
  CallersState state(specs);
  ASSERT_EQ(own.step(), LARS_OK);
  ASSERT_EQ(state.step(external), LARS_OK);
  std::uint64_t bytes = 0;
  EXPECT_EQ(lars_save_size(external.get(), &bytes), LARS_ERR_STATE);
  ASSERT_EQ(lars_save_size(own.get(), &bytes), LARS_OK);
  std::string checkpoint(bytes, '\0');
  ASSERT_EQ(lars_save_to(own.get(), checkpoint.data(), bytes), LARS_OK);
  ASSERT_EQ(lars_load_from(external.get(), checkpoint.data(), bytes), LARS_OK);
  ASSERT_EQ(own.step(), LARS_OK);
  ASSERT_EQ(external.step(), LARS_OK);
  EXPECT_EQ(own.parameters, external.parameters);
  EXPECT_EQ(state.step(external), LARS_ERR_STATE);
}

/// As lars.h says: the policy looks at parameters and gradients, before momentum is read.
TEST(ExternalState, NanInMomentumPassesIntoTheParameter) {
  Trainee trainee({{"w", LARS_F32, {2}}});
  trainee.set(LARS_LEARNING_RATE, 0.5);
  CallersState state(trainee.specs());
  set_element(trainee.specs()[0], state.momentum[0], 1, NAN);
  ASSERT_EQ(state.step(trainee), LARS_OK) << lars_error_message(trainee.get());
  EXPECT_TRUE(std::isfinite(element(trainee.specs()[0], trainee.parameters[0], 0)));
  EXPECT_TRUE(std::isnan(element(trainee.specs()[0], trainee.parameters[0], 1)));
  EXPECT_EQ(state.step(trainee), LARS_ERR_NONFINITE) << "now a parameter has it";
}

TEST(ExternalState, StepCountsTellSchedulesWhereTheyAre) {
  Trainee trainee({{"w", LARS_F32, {4}}});
  const ScheduleHandle schedule =
      make_schedule(lars_schedule_linear, 1.0, 0.0, std::uint64_t{10}, std::uint64_t{0});
  ASSERT_EQ(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), LARS_OK);
  ASSERT_EQ(lars_set_parameter_step_count(trainee.get(), 0, 4), LARS_OK);
  double rate = 0.0;
  ASSERT_EQ(lars_get(trainee.get(), 0, LARS_LEARNING_RATE, &rate), LARS_OK);
  EXPECT_EQ(rate, 0.6);
  std::uint64_t steps = 0;
  ASSERT_EQ(lars_step_count(trainee.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 4U);
}

// ---- Arrays that know their type and length -------------------------------------------------------------

TEST(CheckArrays, PassesWhatStepsTake) {
  Trainee trainee(
      {{"f32", LARS_F32, {2, 3}}, {"f16", LARS_F16, {5}}, {"bf16", LARS_BF16, {}}, {"f64", LARS_F64, {0}}});
  ASSERT_EQ(lars_set_gradient_dtype(trainee.get(), "bf16", LARS_F32), LARS_OK);
  const std::uint64_t elements[] = {6, 5, 1, 0};
  const std::uint64_t masters[] = {0, 5, 1, 0};
  const std::int32_t parameter[] = {LARS_F32, LARS_F16, LARS_BF16, LARS_F64};
  const std::int32_t gradient[] = {LARS_F32, LARS_F16, LARS_F32, LARS_F64};
  const std::int32_t momentum[] = {LARS_F32, LARS_F32, LARS_F32, LARS_F64};
  const std::int32_t master[] = {0, LARS_F32, LARS_I16, 0};
  const auto check = [&](std::int32_t role, const std::int32_t* dtypes, const std::uint64_t* counts) {
    EXPECT_EQ(lars_check_arrays(trainee.get(), role, 4, dtypes, counts), LARS_OK)
        << lars_error_message(trainee.get());
    for (std::uint32_t i = 0; i < 4; ++i)
      EXPECT_EQ(lars_check_array(trainee.get(), role, i, dtypes[i], counts[i]), LARS_OK);
  };
  check(LARS_ROLE_PARAMETER, parameter, elements);
  check(LARS_ROLE_GRADIENT, gradient, elements);
  check(LARS_ROLE_MOMENTUM, momentum, elements);
  check(LARS_ROLE_MASTER, master, masters);
}

TEST(CheckArrays, FlatOnesHaveOneTypeAndAllElements) {
  Trainee trainee({{"a", LARS_F32, {2, 3}}, {"b", LARS_F32, {}}});
  EXPECT_EQ(lars_check_flat(trainee.get(), LARS_ROLE_PARAMETER, LARS_F32, 7), LARS_OK);
  EXPECT_EQ(lars_check_flat(trainee.get(), LARS_ROLE_MASTER, LARS_F32, 0), LARS_OK);
  const OptimizerHandle none = make_optimizer();
  EXPECT_EQ(lars_check_flat(none.get(), LARS_ROLE_PARAMETER, LARS_F32, 0), LARS_OK);
  EXPECT_EQ(lars_check_arrays(none.get(), LARS_ROLE_PARAMETER, 0, nullptr, nullptr), LARS_OK);
}

/// A sum that wrapped would let a short array pass for a long one.
TEST(CheckArrays, CountsNoMoreThanCanBeCounted) {
  OptimizerHandle optimizer = make_optimizer();
  const std::int64_t huge = std::int64_t{1} << 60;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"})
    ASSERT_EQ(lars_add_parameter(optimizer.get(), name, LARS_F32, 1, &huge, nullptr), LARS_OK);
  EXPECT_EQ(lars_check_flat(optimizer.get(), LARS_ROLE_PARAMETER, LARS_F32, 0), LARS_ERR_SHAPE);
}

}  // namespace
}  // namespace lars_test
