// The program that tests/faults/saves_test.py kills, starves and lies to.
//
//   save_state save PATH STEPS     trains so many steps and saves
//   save_state again PATH STEPS    as save, and once more if that fails
//   save_state check PATH          loads, and prints how many steps were taken if the state is that of so
//   many
//   save_state train FOLDER N      trains by scenario N from where a run in that folder was stopped to the
//   end, and prints a digest of parameters and state save_state scenarios           prints how many there are
//
// Exits with 0; 3 and the error, if a call failed; 1 if what must hold does not. System calls between the
// markers are those of the call.
#include <lars/lars.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "faults/trainer.h"

namespace {

// Enough of each type that a save writes more than once, in pieces and through its buffer.
constexpr std::int64_t kLarge = 70000;
constexpr std::int64_t kSmall = 10;
constexpr std::int64_t kHalf = 1000;

/// A system call that does nothing, but is seen in a trace.
void mark(const char* name) { static_cast<void>(access(name, F_OK) == 0); }

struct Model {
  lars_optimizer* optimizer = nullptr;
  std::vector<float> large = std::vector<float>(kLarge, 1.0F);
  std::vector<double> small = std::vector<double>(kSmall, 2.0);
  std::vector<std::uint16_t> half = std::vector<std::uint16_t>(kHalf, 0x3f80);  // bfloat16 1

  Model() {
    std::int32_t status = lars_create(&optimizer);
    status |= lars_add_parameter(optimizer, "large", LARS_F32, 1, &kLarge, nullptr);
    status |= lars_add_parameter(optimizer, "small", LARS_F64, 1, &kSmall, nullptr);
    status |= lars_add_parameter(optimizer, "half", LARS_BF16, 1, &kHalf, nullptr);
    status |= lars_set(optimizer, nullptr, LARS_LEARNING_RATE, 0.1);
    status |= lars_set_threads(optimizer, 1);
    if (status != LARS_OK) std::abort();
  }
  ~Model() { lars_destroy(optimizer); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  Model(Model&&) = delete;
  Model& operator=(Model&&) = delete;

  void train(unsigned long steps) {
    const std::vector<float> gradient(kLarge, 0.5F);
    const std::vector<double> small_gradient(kSmall, 0.25);
    const std::vector<std::uint16_t> half_gradient(kHalf, 0x3f00);
    void* parameters[] = {large.data(), small.data(), half.data()};
    const void* gradients[] = {gradient.data(), small_gradient.data(), half_gradient.data()};
    for (unsigned long i = 0; i < steps; ++i) {
      if (lars_step(optimizer, parameters, gradients) != LARS_OK) std::abort();
    }
  }

  std::string state() {
    std::uint64_t bytes = 0;
    if (lars_save_size(optimizer, &bytes) != LARS_OK) std::abort();
    std::string state(bytes, '\0');
    if (lars_save_to(optimizer, state.data(), bytes) != LARS_OK) std::abort();
    return state;
  }
};

/// Makes the call between the markers. A call that fails must have changed nothing, and saving never changes
/// anything.
template <class Call>
int run(Model& model, bool may_change, const Call& call) {
  const std::string before = model.state();
  mark("lars:begin");
  const std::int32_t status = call(model.optimizer);
  mark("lars:end");
  if (status != LARS_OK)
    std::fprintf(stderr, "%s: %s\n", lars_status_name(status), lars_error_message(model.optimizer));
  if ((status != LARS_OK || !may_change) && model.state() != before) {
    std::fprintf(stderr, "the optimizer was changed\n");
    return 1;
  }
  return status == LARS_OK ? 0 : 3;
}

int check(Model& model) {
  std::uint64_t steps = 0;
  if (lars_step_count(model.optimizer, &steps) != LARS_OK) return 1;
  Model expected;
  expected.train(steps);
  if (expected.state() != model.state()) {
    std::fprintf(stderr, "the state is not that after %lu steps\n", static_cast<unsigned long>(steps));
    return 1;
  }
  std::printf("%lu\n", static_cast<unsigned long>(steps));
  return 0;
}

/// A run of which every call is between the markers.
int train(const char* folder, std::size_t scenario) {
  mark("lars:begin");
  try {
    const std::string digest = lars_test::train(folder, scenario);
    mark("lars:end");
    std::printf("%s\n", digest.c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "scenarios") {
    std::printf("%zu\n", lars_test::scenario_count());
    return 0;
  }
  if (argc < 3) return 2;
  const std::string_view action(argv[1]);
  const char* path = argv[2];
  if (action == "train") return argc == 4 ? train(path, std::strtoul(argv[3], nullptr, 10)) : 2;
  Model model;
  if (action == "check") {
    const int result =
        run(model, true, [=](lars_optimizer* optimizer) { return lars_load(optimizer, path); });
    return result == 0 ? check(model) : result;
  }
  if (argc != 4) return 2;
  model.train(std::strtoul(argv[3], nullptr, 10));
  const auto save = [=](lars_optimizer* optimizer) { return lars_save(optimizer, path); };
  const int result = run(model, false, save);
  return result == 3 && action == "again" ? run(model, false, save) : result;
}
