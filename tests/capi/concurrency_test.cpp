// Threads that share a handle, many handles on many threads with a fork in between, and observers that call
// back. Run under ThreadSanitizer, too.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/folder.h"
#include "support/trainee.h"

namespace lars_test {
namespace {

constexpr const char* kBusyMessage =
    "another call on this handle is running; one handle serves one call at a time";

std::string saved(const Trainee& trainee) {
  std::uint64_t bytes = 0;
  EXPECT_EQ(lars_save_size(trainee.get(), &bytes), LARS_OK) << lars_error_message(trainee.get());
  std::string checkpoint(bytes, '\0');
  EXPECT_EQ(lars_save_to(trainee.get(), checkpoint.data(), bytes), LARS_OK)
      << lars_error_message(trainee.get());
  return checkpoint;
}

/// What lars_save has written to `path`; "" if another call was running.
std::string try_to_save(const Trainee& trainee, const std::string& path) {
  const std::int32_t status = lars_save(trainee.get(), path.c_str());
  if (status == LARS_ERR_BUSY) return "";
  EXPECT_EQ(status, LARS_OK);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ---- One handle ------------------------------------------------------------------------------------------

Trainee make_shared_trainee() {
  Trainee trainee({{"large", LARS_F32, {150001}}, {"half", LARS_F16, {513}}, {"scalar", LARS_F64, {}}});
  trainee.set(LARS_LEARNING_RATE, 0.1);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  return trainee;
}

constexpr std::size_t kAttempts = 60;

/// Every state that a handle can be in if its steps are taken one after the other, by number of steps.
struct States {
  States() {
    Trainee trainee = make_shared_trainee();
    for (std::size_t step = 0; step <= 2 * kAttempts; ++step) {
      if (step > 0) {
        EXPECT_EQ(trainee.step(), LARS_OK);
      }
      checkpoints.push_back(saved(trainee));
      std::vector<double> ratios(3);
      EXPECT_EQ(lars_telemetry(trainee.get(), LARS_TELEMETRY_TRUST_RATIO, ratios.data()), LARS_OK);
      telemetry.push_back(ratios);
      parameters.push_back(trainee.parameters);
    }
  }
  std::vector<std::string> checkpoints;
  std::vector<std::vector<double>> telemetry;
  std::vector<std::vector<Bytes>> parameters;
};

bool contains(const auto& list, const auto& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// What one of the threads does: steps, and looks at the handle in every way.
void use(Trainee& trainee, const States& states, const std::string& path, std::atomic<std::size_t>& taken) {
  std::vector<double> ratios(3);
  for (std::size_t i = 0; i < kAttempts; ++i) {
    const std::int32_t status = trainee.step();
    EXPECT_TRUE(status == LARS_OK || status == LARS_ERR_BUSY) << status;
    if (status == LARS_OK) ++taken;
    if (i % 8 == 0) {
      const std::string checkpoint = try_to_save(trainee, path);
      EXPECT_TRUE(checkpoint.empty() || contains(states.checkpoints, checkpoint))
          << "a checkpoint of no state";
    }
    const std::int32_t told = lars_telemetry(trainee.get(), LARS_TELEMETRY_TRUST_RATIO, ratios.data());
    EXPECT_TRUE(told == LARS_ERR_BUSY || contains(states.telemetry, ratios)) << "telemetry of no state";
    std::uint64_t steps = 0;
    const std::int32_t counted = lars_step_count(trainee.get(), &steps);
    EXPECT_TRUE(counted == LARS_ERR_BUSY || steps <= 2 * kAttempts);
    // Nothing has failed, so this is "" or the text that says that the handle is busy; both are static.
    const std::string message = lars_error_message(trainee.get());
    EXPECT_TRUE(message.empty() || message == kBusyMessage) << message;
  }
}

TEST(OneHandle, OnTwoThreadsIsAlwaysInAStateOfSuccessiveSteps) {
  const States states;
  Trainee trainee = make_shared_trainee();
  const Folder folder;
  std::atomic<std::size_t> taken = 0;
  std::thread other([&] { use(trainee, states, folder.file("other"), taken); });
  use(trainee, states, folder.file("this"), taken);
  other.join();
  EXPECT_GT(taken, 0U);
  EXPECT_EQ(saved(trainee), states.checkpoints[taken]);
  EXPECT_EQ(trainee.parameters, states.parameters[taken]);
}

// ---- Many handles ----------------------------------------------------------------------------------------

constexpr std::size_t kHandles = 64;
constexpr int kSteps = 4;

/// Of every type, and some large enough for the built-in threads.
Trainee make_own_trainee(std::size_t index) {
  constexpr std::int32_t kTypes[] = {LARS_F32, LARS_F16, LARS_BF16, LARS_F64};
  std::vector<TensorSpec> specs = assorted_tensors(kTypes[index % 4]);
  if (index % 16 == 1) specs.push_back({"large", LARS_F16, {140001}});
  Trainee trainee(specs, index);
  trainee.set(LARS_LEARNING_RATE, 0.1);
  trainee.set(LARS_WEIGHT_DECAY, 0.001 * static_cast<double>(index));
  return trainee;
}

/// Steps; saves; and lets another handle, which becomes the trainee's, load and go on.
void train_and_move(Trainee& trainee, std::size_t index) {
  for (int i = 0; i < kSteps; ++i) EXPECT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
  const std::string checkpoint = saved(trainee);
  Trainee other = make_own_trainee(index);
  EXPECT_EQ(lars_load_from(other.get(), checkpoint.data(), checkpoint.size()), LARS_OK)
      << lars_error_message(other.get());
  other.parameters = trainee.parameters;
  std::swap(trainee, other);
}

/// The child of a fork, where no other thread lives on. True if the handle steps there, and is saved to a
/// file.
bool goes_on_in_child(Trainee& trainee, const std::string& path, const std::vector<Bytes>& expected) {
  for (int i = 0; i < kSteps; ++i) {
    if (trainee.step() != LARS_OK) return false;
  }
  return trainee.parameters == expected && lars_save(trainee.get(), path.c_str()) == LARS_OK;
}

TEST(ManyHandles, OnAsManyThreadsWithAForkInBetweenAreFreeOfEachOther) {
  // What each comes to, one after the other on this thread.
  std::vector<std::vector<Bytes>> expected(kHandles);
  for (std::size_t i = 0; i < kHandles; ++i) {
    Trainee trainee = make_own_trainee(i);
    for (int step = 0; step < 2 * kSteps; ++step) ASSERT_EQ(trainee.step(), LARS_OK);
    expected[i] = trainee.parameters;
  }
  const Folder folder;
  const std::string path = folder.file("of the child");

  std::vector<std::vector<Bytes>> results(kHandles);
  std::barrier between(static_cast<std::ptrdiff_t>(kHandles));
  int child_status = -1;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kHandles; ++i) {
    threads.emplace_back([&, i] {
      Trainee trainee = make_own_trainee(i);
      train_and_move(trainee, i);
      between.arrive_and_wait();  // nobody is within a call, so no lock of the C library is held at the fork
      if (i == 0) {
        const pid_t child = fork();
        if (child == 0) {
          alarm(60);
          _exit(goes_on_in_child(trainee, path, expected[0]) ? 0 : 1);
        }
        EXPECT_EQ(waitpid(child, &child_status, 0), child);
      }
      between.arrive_and_wait();
      for (int step = 0; step < kSteps; ++step) EXPECT_EQ(trainee.step(), LARS_OK);
      results[i] = trainee.parameters;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(child_status, 0) << "the child failed, or did not end";
  for (std::size_t i = 0; i < kHandles; ++i) EXPECT_EQ(results[i], expected[i]) << "handle " << i;

  Trainee heir = make_own_trainee(0);
  EXPECT_EQ(lars_load(heir.get(), path.c_str()), LARS_OK) << lars_error_message(heir.get());
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(heir.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 2U * kSteps);
}

// ---- Observers -------------------------------------------------------------------------------------------

/// Calls back into its own handle in every way that could do harm, and throws.
struct Meddler {
  Trainee& trainee;
  std::uint64_t calls = 0;

  static void observe(void* user, std::int32_t /*status*/, std::uint64_t /*steps*/, std::uint32_t /*count*/,
                      std::uint32_t /*quantity_count*/, const double* const* /*quantities*/) {
    auto& self = *static_cast<Meddler*>(user);
    lars_optimizer* handle = self.trainee.get();
    ++self.calls;
    double value = 0.0;
    std::uint64_t bytes = 0;
    EXPECT_EQ(self.trainee.step(), LARS_ERR_BUSY);
    EXPECT_EQ(lars_set(handle, nullptr, LARS_LEARNING_RATE, 9.0), LARS_ERR_BUSY);
    EXPECT_EQ(lars_telemetry(handle, LARS_TELEMETRY_WEIGHT_NORM, &value), LARS_ERR_BUSY);
    EXPECT_EQ(lars_save_size(handle, &bytes), LARS_ERR_BUSY);
    EXPECT_EQ(lars_save(handle, "never written"), LARS_ERR_BUSY);
    EXPECT_EQ(lars_load_from(handle, &value, sizeof value), LARS_ERR_BUSY);
    EXPECT_EQ(lars_set_observer(handle, nullptr, nullptr), LARS_ERR_BUSY);
    EXPECT_EQ(lars_destroy(handle), LARS_ERR_BUSY);
    EXPECT_STREQ(lars_error_message(handle), kBusyMessage);
    if (self.calls % 2 == 0) throw 5;  // which is no std::exception
    throw std::runtime_error("observer");
  }
};

TEST(Observers, ThatCallBackAndThrowChangeNothing) {
  Trainee observed = make_shared_trainee();
  Trainee twin = make_shared_trainee();
  Meddler meddler{observed};
  ASSERT_EQ(lars_set_observer(observed.get(), Meddler::observe, &meddler), LARS_OK);
  for (Trainee* trainee : {&observed, &twin}) {
    ASSERT_EQ(lars_set_nonfinite_policy(trainee->get(), LARS_NONFINITE_SKIP), LARS_OK);
  }
  for (int i = 0; i < 4; ++i) {
    for (Trainee* trainee : {&observed, &twin}) {
      trainee->draw_gradients(static_cast<std::uint64_t>(i));
      if (i == 2) set_element(trainee->specs()[1], trainee->gradients[1], 7, NAN);
      EXPECT_EQ(trainee->step(), i == 2 ? LARS_SKIPPED : LARS_OK);
    }
    EXPECT_STREQ(lars_error_message(observed.get()), lars_error_message(twin.get()));
  }
  EXPECT_EQ(meddler.calls, 4U);
  EXPECT_EQ(saved(observed), saved(twin));
  EXPECT_EQ(observed.parameters, twin.parameters);
}

}  // namespace
}  // namespace lars_test
