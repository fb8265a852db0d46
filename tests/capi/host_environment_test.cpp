// Hosts with another floating-point environment: subnormal numbers flushed to zero, other rounding modes,
// traps. docs/semantics.md says what holds there.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/floating_point.h"
#include "support/trainee.h"
#include "support/workers.h"

namespace lars_test {
namespace {

constexpr std::int32_t kTypes[] = {LARS_F32, LARS_F64, LARS_F16, LARS_BF16};

void expect_ok(std::int32_t status, const Trainee& trainee) {
  EXPECT_EQ(status, LARS_OK) << lars_error_message(trainee.get());
}

std::string saved(const Trainee& trainee) {
  std::uint64_t bytes = 0;
  expect_ok(lars_save_size(trainee.get(), &bytes), trainee);
  std::string buffer(bytes, '\0');
  expect_ok(lars_save_to(trainee.get(), buffer.data(), bytes), trainee);
  return buffer;
}

/// Kernels that this processor can run, all of which promise the same bits.
std::vector<std::string> exact_kernels() {
  std::vector<std::string> names = {"reference"};
  const OptimizerHandle optimizer = make_optimizer();
  for (const char* target : {"AVX3", "AVX2", "SSE4", "SSSE3", "NEON"}) {
    const std::string name = std::string("simd/") + target;
    if (lars_set_kernels(optimizer.get(), name.c_str()) == LARS_OK) names.push_back(name);
  }
  return names;
}

// ---- The same bits, whoever does the work ----------------------------------------------------------------

/// Which numbers the tensors hold: of usual magnitude, or from the least normal numbers down to the subnormal
/// ones.
enum class Numbers { usual, tiny };

/// Element i has the magnitude 10^-(least + i mod 8).
void make_tiny(const TensorSpec& spec, Bytes& bytes) {
  const int least = spec.dtype == LARS_F64 ? 305 : spec.dtype == LARS_F16 ? 3 : 36;
  for (std::size_t i = 0; i < spec.count(); ++i) {
    const double magnitude = std::pow(10.0, -static_cast<double>(least) - static_cast<double>(i % 8));
    set_element(spec, bytes, i, element(spec, bytes, i) * magnitude);
  }
}

/// Elements of the largest tensor: enough for two threads, or no more than it takes to be cut into chunks.
constexpr std::int64_t kForThreads = 140003;
constexpr std::int64_t kForKernels = 9001;

/// With zeros among the gradients, whose sign rounding modes tell apart.
Trainee make_trainee(std::int32_t dtype, Numbers numbers, std::int64_t elements) {
  Trainee trainee({{"large", dtype, {elements}}, {"ragged", dtype, {4096 + 37}}, {"single", dtype, {}}});
  trainee.set(LARS_LEARNING_RATE, 0.5);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  trainee.set(LARS_NESTEROV, 1, "ragged");
  trainee.set(LARS_CLIP_VALUE, numbers == Numbers::usual ? 0.125 : 1e-37, "s*");
  for (std::size_t i = 0; numbers == Numbers::tiny && i < trainee.parameters.size(); ++i) {
    make_tiny(trainee.specs()[i], trainee.parameters[i]);
    make_tiny(trainee.specs()[i], trainee.gradients[i]);
  }
  set_element(trainee.specs()[0], trainee.gradients[0], 3, 0.0);
  set_element(trainee.specs()[0], trainee.gradients[0], 4, -0.0);
  return trainee;
}

struct Way {
  std::int64_t elements = kForKernels;
  std::string kernels = "auto";
  std::uint32_t threads = 1;
  Workers* workers = nullptr;  // nullptr: the built-in threads
};

/// All that two steps, one of them accumulated and clipped, make of a model.
std::string trained(std::int32_t dtype, Numbers numbers, const Way& way, const Host& host) {
  Trainee trainee = make_trainee(dtype, numbers, way.elements);
  expect_ok(lars_set_kernels(trainee.get(), way.kernels.c_str()), trainee);
  expect_ok(lars_set_parallel_for(trainee.get(), way.workers == nullptr ? nullptr : Workers::run, way.workers,
                                  way.threads),
            trainee);
  {
    const HostEnvironment environment(host);
    expect_ok(trainee.step(), trainee);
    expect_ok(lars_set_gradient_clip(trainee.get(), numbers == Numbers::usual ? 1.0 : 1e-35), trainee);
    expect_ok(trainee.accumulate(), trainee);
    expect_ok(trainee.step_accumulated(), trainee);
  }
  std::string all = saved(trainee);
  for (const Bytes& parameter : trainee.parameters) {
    all.append(reinterpret_cast<const char*>(parameter.data()), parameter.size());
  }
  return all;
}

class HostEnvironments : public testing::TestWithParam<Host> {};

TEST_P(HostEnvironments, GiveTheSameBitsOnAnyThreadPoolAndKernels) {
  Workers workers(3);
  for (const std::int32_t dtype : kTypes) {
    for (const Numbers numbers : {Numbers::usual, Numbers::tiny}) {
      SCOPED_TRACE("type " + std::to_string(dtype) + (numbers == Numbers::tiny ? ", tiny" : ""));
      const Way alone = {.elements = kForThreads};
      const Way built_in = {.elements = kForThreads, .threads = 4};
      const Way of_host = {.elements = kForThreads, .threads = 3, .workers = &workers};
      const std::string on_one = trained(dtype, numbers, alone, GetParam());
      EXPECT_TRUE(trained(dtype, numbers, built_in, GetParam()) == on_one) << "built-in threads";
      EXPECT_TRUE(trained(dtype, numbers, of_host, GetParam()) == on_one)
          << "a host's threads, older than its environment";
      const std::string expected = trained(dtype, numbers, {}, GetParam());
      for (const std::string& kernels : exact_kernels()) {
        EXPECT_TRUE(trained(dtype, numbers, {.kernels = kernels}, GetParam()) == expected) << kernels;
      }
    }
  }
}

/// Or the test above would test nothing.
TEST_P(HostEnvironments, AreInForceInTheArithmetic) {
  const bool rounds = GetParam().rounding != FE_TONEAREST;
  for (const std::int32_t dtype : {LARS_F32, LARS_F64, LARS_BF16}) {
    EXPECT_FALSE(trained(dtype, Numbers::tiny, {}, GetParam()) ==
                 trained(dtype, Numbers::tiny, {}, kUsualHost));
    const bool differs =
        trained(dtype, Numbers::usual, {}, GetParam()) != trained(dtype, Numbers::usual, {}, kUsualHost);
    EXPECT_EQ(differs, rounds) << "flushing leaves numbers of usual magnitude alone, and rounding does not";
  }
}

std::string name_of(const testing::TestParamInfo<Host>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Hosts, HostEnvironments, testing::ValuesIn(kHosts), name_of);

// ---- Checkpoints -----------------------------------------------------------------------------------------

/// Numbers whose decimal text does not read back as themselves if it is rounded upward, downward, or flushed.
void set_awkward_numbers(Trainee& trainee) {
  trainee.set(LARS_TRUST_COEFFICIENT, 0.1, "a");
  trainee.set(LARS_TRUST_COEFFICIENT, 0.3, "b");
  trainee.set(LARS_EPS, 5e-324, "a");                   // the least of all
  trainee.set(LARS_EPS, 0x0.fffffffffffffp-1022, "b");  // the greatest subnormal number
  trainee.set(LARS_GRADIENT_SCALE, 1.7976931348623157e308, "a");
  trainee.set(LARS_WEIGHT_DECAY, 1e22, "a");
  trainee.set(LARS_WEIGHT_DECAY, 1e23, "b");
  trainee.set(LARS_MOMENTUM, 0.7, "a");
  trainee.set(LARS_MOMENTUM, 1.0 / 3.0, "b");
  trainee.set(LARS_CLIP_VALUE, 123456789.123, "b");
  const double least = 1.1;
  const ScheduleHandle schedule =
      make_schedule(lars_schedule_exponential_decay, 2.3, std::uint64_t{7}, 0.9, std::uint64_t{1}, 0, &least);
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, schedule.get()), trainee);
}

TEST_P(HostEnvironments, ChangeNoNumberOfACheckpoint) {
  const std::vector<TensorSpec> specs = {{"a", LARS_F32, {5}}, {"b", LARS_F64, {3}}};
  Trainee trainee(specs);
  set_awkward_numbers(trainee);
  const std::string expected = saved(trainee);
  Trainee other(specs);
  {
    const HostEnvironment environment(GetParam());
    EXPECT_EQ(saved(trainee), expected);
    expect_ok(lars_load_from(other.get(), expected.data(), expected.size()), other);
  }
  EXPECT_EQ(saved(other), expected) << "a number was not read as it was written";
}

// ---- Flags and traps -------------------------------------------------------------------------------------

constexpr int kTrapped = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW;

struct Setting {
  const char* name;
  std::function<void(Trainee&)> apply;
};

void set_schedules(Trainee& trainee) {
  const ScheduleHandle cosine = make_schedule(lars_schedule_warmup_cosine_decay, 0.0, 0.5, std::uint64_t{1},
                                              std::uint64_t{3}, 0.0, 1.5);
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_LEARNING_RATE, cosine.get()), trainee);
  const ScheduleHandle decay = make_schedule(lars_schedule_exponential_decay, 0.02, std::uint64_t{2}, 0.5,
                                             std::uint64_t{0}, 1, static_cast<const double*>(nullptr));
  expect_ok(lars_set_schedule(trainee.get(), nullptr, LARS_WEIGHT_DECAY, decay.get()), trainee);
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"plain", [](Trainee&) {}},
      {"without decay", [](Trainee& t) { t.set(LARS_WEIGHT_DECAY, 0); }},
      {"learning rate 0, LARC",
       [](Trainee& t) {
         t.set(LARS_LEARNING_RATE, 0);
         expect_ok(lars_set_variant(t.get(), LARS_VARIANT_LARC), t);
       }},
      {"LARC", [](Trainee& t) { expect_ok(lars_set_variant(t.get(), LARS_VARIANT_LARC), t); }},
      {"TF, nesterov, dampening",
       [](Trainee& t) {
         expect_ok(lars_set_variant(t.get(), LARS_VARIANT_TF), t);
         t.set(LARS_NESTEROV, 1);
         t.set(LARS_DAMPENING, 0.5);
       }},
      {"clipped",
       [](Trainee& t) {
         t.set(LARS_CLIP_VALUE, 0.05);
         expect_ok(lars_set_gradient_clip(t.get(), 0.3), t);
       }},
      {"gradient norms, carried norms",
       [](Trainee& t) {
         expect_ok(lars_set_gradient_norms(t.get(), 1), t);
         expect_ok(lars_set_carry_norms(t.get(), 1), t);
       }},
      {"a limit beyond binary32", [](Trainee& t) { t.set(LARS_CLIP_VALUE, 1e300); }},
      {"a decay beyond binary32 that is masked",
       [](Trainee& t) {
         t.set(LARS_WEIGHT_DECAY, 1e300);
         t.set(LARS_WEIGHT_DECAY_MASK, 0);
       }},
      {"schedules", set_schedules},
      {"waves",
       [](Trainee& t) { expect_ok(lars_set_nonfinite_policy(t.get(), LARS_NONFINITE_PROPAGATE), t); }},
  };
  return all;
}

/// Tensors of all sizes, one of zeros, one whose gradient is.
Trainee make_assorted(std::int32_t dtype, const Setting& setting) {
  Trainee trainee(assorted_tensors(dtype));
  trainee.set(LARS_LEARNING_RATE, 0.5);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  setting.apply(trainee);
  for (std::size_t i = 0; i < trainee.specs().size(); ++i) {
    if (trainee.specs()[i].name == "conv.bias")
      trainee.parameters[i].assign(trainee.parameters[i].size(), std::byte{0});
    if (trainee.specs()[i].name == "cube")
      trainee.gradients[i].assign(trainee.gradients[i].size(), std::byte{0});
  }
  return trainee;
}

/// All that a trainer calls in a run.
void run(Trainee& trainee, const Trainee& other) {
  for (int i = 0; i < 3; ++i) expect_ok(trainee.step(), trainee);
  expect_ok(trainee.accumulate(), trainee);
  expect_ok(trainee.step_accumulated(), trainee);
  const std::string checkpoint = saved(trainee);
  expect_ok(lars_load_from(other.get(), checkpoint.data(), checkpoint.size()), other);
  std::vector<double> values(trainee.specs().size());
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    expect_ok(lars_telemetry(trainee.get(), quantity, values.data()), trainee);
  }
}

TEST(Flags, OfInvalidDividedByZeroAndOverflowAreNotRaisedByFiniteData) {
  for (const Setting& setting : settings()) {
    for (const std::int32_t dtype : kTypes) {
      for (const std::string& kernels : exact_kernels()) {
        Trainee trainee = make_assorted(dtype, setting);
        const Trainee other(trainee.specs());
        expect_ok(lars_set_kernels(trainee.get(), kernels.c_str()), trainee);
        expect_ok(lars_set_threads(trainee.get(), 1), trainee);
        std::feclearexcept(FE_ALL_EXCEPT);
        run(trainee, other);
        EXPECT_EQ(std::fetestexcept(kTrapped), 0)
            << "of " << kTrapped << ", with " << setting.name << ", type " << dtype << ", " << kernels;
      }
    }
  }
}

#ifdef __GLIBC__  // has the functions that set traps
/// What a host does to find where its NaN come from. A trap in the library would end this process.
TEST(Traps, AreNotSprungByFiniteDataOnAnyThread) {
  std::feclearexcept(FE_ALL_EXCEPT);
  if (feenableexcept(kTrapped) == -1 || fegetexcept() != kTrapped) {
    GTEST_SKIP() << "this processor has no traps of floating-point operations; their flags are tested above";
  }
  fedisableexcept(kTrapped);
  Workers workers(3);
  for (const Setting& setting : settings()) {
    for (const std::int32_t dtype : kTypes) {
      for (Workers* pool : {static_cast<Workers*>(nullptr), &workers}) {
        Trainee large = make_trainee(dtype, Numbers::usual, kForThreads);
        setting.apply(large);
        expect_ok(lars_set_parallel_for(large.get(), pool == nullptr ? nullptr : Workers::run, pool, 3),
                  large);
        Trainee assorted = make_assorted(dtype, setting);
        const Trainee other(assorted.specs());
        std::feclearexcept(FE_ALL_EXCEPT);
        feenableexcept(kTrapped);
        {
          const HostEnvironment environment(kUsualHost);
          for (int i = 0; i < 2; ++i) expect_ok(large.step(), large);
          run(assorted, other);
          EXPECT_EQ(fegetexcept(), kTrapped);
        }
        fedisableexcept(kTrapped);
      }
    }
  }
}
#endif

}  // namespace
}  // namespace lars_test
