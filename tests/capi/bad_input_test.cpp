// Every row of the table is a status, a message and unchanged state; and the table is complete.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "capi/bad_input_helpers.h"

namespace lars_test {

World::World() : trainee({{"a.weight", LARS_F32, {3, 2}}, {"a.bias", LARS_F32, {2}}, {"b", LARS_F64, {4}}}) {
  trainee.set(LARS_LEARNING_RATE, 0.5);
  trainee.set(LARS_WEIGHT_DECAY, 0.01);
  EXPECT_EQ(trainee.step(), LARS_OK);
  for (std::size_t i = 0; i < trainee.parameters.size(); ++i) {
    w.push_back(trainee.parameters[i].data());
    g.push_back(trainee.gradients[i].data());
    update_memory.push_back(Bytes(trainee.parameters[i].size()));
  }
  for (Bytes& memory : update_memory) updates.push_back(memory.data());
  schedule = make_schedule(lars_schedule_constant, 0.5);
  lars_schedule* bad = nullptr;
  EXPECT_EQ(lars_schedule_constant(NAN, &bad), LARS_ERR_VALUE);
  broken.reset(bad);
}

namespace {

std::vector<Row> all_rows() {
  std::vector<Row> rows = optimizer_rows();
  for (Row& row : schedule_rows()) rows.push_back(std::move(row));
  return rows;
}

/// All that can be read of an optimizer.
std::string snapshot(const World& world) {
  std::ostringstream out;
  out << std::hexfloat << lars_kernels(world.get()) << '\n';
  std::uint32_t count = 0;
  lars_parameter_count(world.get(), &count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    double norms[3] = {};
    std::uint64_t steps = 0;
    std::int32_t gradient = 0;
    lars_gradient_dtype(world.get(), i, &gradient);
    lars_parameter_info(world.get(), i, &name, nullptr, nullptr, nullptr);
    const std::int32_t status = lars_norms(world.get(), i, &norms[0], &norms[1], &norms[2]);
    lars_parameter_step_count(world.get(), i, &steps);
    out << name << ' ' << gradient << ' ' << status << ' ' << norms[0] << ' ' << norms[1] << ' ' << norms[2]
        << ' ' << steps;
    for (std::int32_t key = 1; key <= LARS_CLIP_VALUE; ++key) {
      double value = 0.0;
      const std::int32_t got = lars_get(world.get(), i, key, &value);
      out << ' ' << got << ' ' << value;
    }
    out << '\n';
  }
  std::uint32_t execution[3] = {};
  lars_threads(world.get(), &execution[0]);
  lars_accumulated(world.get(), &execution[1], &execution[2]);
  out << execution[0] << ' ' << execution[1] << ' ' << execution[2] << '\n';
  std::uint64_t skips[2] = {};
  lars_skip_count(world.get(), &skips[0], &skips[1]);
  out << skips[0] << ' ' << skips[1] << '\n';
  for (std::int32_t quantity = 0; quantity <= LARS_TELEMETRY_SKIPPED_SHARE; ++quantity) {
    std::array<double, 3> values = {};
    out << lars_telemetry(world.get(), quantity, values.data());
    for (const double value : values) out << ' ' << value;
    out << '\n';
  }
  out << saved(world.get());  // the rest: momentum, schedules, limits
  return out.str();
}

struct Memory {
  std::vector<Bytes> parameters, gradients, updates;
  std::uint32_t number;
  std::int32_t dtype;
  std::uint64_t count;
  double value;
  bool operator==(const Memory&) const = default;
};

Memory memory_of(const World& world) {
  return {world.trainee.parameters,
          world.trainee.gradients,
          world.update_memory,
          world.number,
          world.dtype,
          world.count,
          world.value};
}

class BadInput : public testing::TestWithParam<Row> {};

TEST_P(BadInput, IsAStatusAMessageAndUnchangedState) {
  const Row& row = GetParam();
  World world;
  World twin;  // never sees the bad call
  const std::string before = snapshot(world);
  const Memory memory_before = memory_of(world);

  ASSERT_EQ(row.call(world), row.status) << lars_error_message(world.get());
  std::string message = lars_error_message(world.get());
  if (world.fresh != nullptr) message = lars_error_message(world.fresh.get());
  if (world.made != nullptr) message = lars_schedule_error_message(world.made);
  for (const std::string& text : row.message) EXPECT_NE(message.find(text), std::string::npos) << message;

  EXPECT_EQ(memory_of(world), memory_before);
  EXPECT_EQ(snapshot(world), before);
  // Nor has anything changed that no call tells: the next step and the one after depend on all there is.
  for (int step = 0; step < 2; ++step) {
    ASSERT_EQ(world.trainee.step(), twin.trainee.step()) << lars_error_message(world.get());
    EXPECT_EQ(world.trainee.parameters, twin.trainee.parameters);
  }
}

std::string test_name(const testing::TestParamInfo<Row>& info) {
  std::string name = info.param.function + "_" + info.param.argument + "_" + info.param.mistake;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, testing::ValuesIn(all_rows()), test_name);

// ---- Completeness ---------------------------------------------------------------------------------------

struct Argument {
  std::string function, type, name;
};

/// The arguments of every function declared in lars.h.
std::vector<Argument> declared_arguments() {
  std::ifstream file(LARS_HEADER);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::regex declaration(R"(LARS_API [^;(]*?(lars_\w+)\(([^)]*)\) LARS_NOEXCEPT;)");
  const std::regex argument(R"(^\s*(.*?)(\w+)\s*$)");
  std::vector<Argument> arguments;
  for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it) {
    std::istringstream list((*it)[2].str());
    for (std::string one; std::getline(list, one, ',');) {
      std::replace(one.begin(), one.end(), '\n', ' ');
      std::smatch match;
      if (std::regex_match(one, match, argument)) arguments.push_back({(*it)[1], match[1], match[2]});
    }
  }
  return arguments;
}

/// Arguments that cannot be wrong, and why.
const std::map<std::string, std::string> kCannotBeWrong = {
    {"lars_version.void", "no argument"},
    {"lars_version_string.void", "no argument"},
    {"lars_status_name.status", "any number has a text"},

    {"lars_error_message.optimizer", "NULL has a text"},
    {"lars_kernels.optimizer", "NULL has a text"},
    {"lars_add_parameter.index", "NULL: not wanted"},
    {"lars_parameter_info.name", "NULL: not wanted"},
    {"lars_parameter_info.dtype", "NULL: not wanted"},
    {"lars_parameter_info.ndim", "NULL: not wanted"},
    {"lars_parameter_info.shape", "NULL: not wanted"},
    {"lars_norms.weight_norm", "NULL: not wanted"},
    {"lars_norms.update_norm", "NULL: not wanted"},
    {"lars_norms.trust_ratio", "NULL: not wanted"},
    {"lars_skip_count.consecutive", "NULL: not wanted"},
    {"lars_skip_count.total", "NULL: not wanted"},
    {"lars_accumulated.accumulated", "NULL: not wanted"},
    {"lars_accumulated.micro_batches", "NULL: not wanted"},
    {"lars_nonfinite.index", "NULL: not wanted"},
    {"lars_nonfinite.parameter_elements", "NULL: not wanted"},
    {"lars_nonfinite.gradient_elements", "NULL: not wanted"},
    {"lars_set_max_consecutive_skips.most", "any count; 0 is no limit"},
    {"lars_set_observer.observer", "NULL: nobody"},
    {"lars_set_observer.user", "passed through"},
    {"lars_set_parameter_step_count.steps", "any count"},
    {"lars_set_parallel_for.run", "NULL: the built-in threads"},
    {"lars_set_parallel_for.user", "passed through"},
    {"lars_set_if.user", "passed through"},
    {"lars_set_schedule_if.user", "passed through"},
    {"lars_schedule_callback.user", "passed through"},
    {"lars_schedule_linear.transition_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_linear.transition_begin", "any step"},
    {"lars_schedule_polynomial.transition_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_polynomial.transition_begin", "any step"},
    {"lars_schedule_exponential_decay.transition_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_exponential_decay.transition_begin", "any step"},
    {"lars_schedule_warmup_exponential_decay.transition_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_warmup_exponential_decay.transition_begin", "any step"},
    {"lars_schedule_warmup_exponential_decay.warmup_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_warmup_constant.warmup_steps", "any count of steps; 0 has a meaning"},
    {"lars_schedule_piecewise_constant.count", "any count; 0 is a constant"},
    {"lars_schedule_piecewise_interpolate.count", "any count; 0 is a constant"},
    {"lars_schedule_value.step", "any step"},
    {"lars_schedule_error_message.schedule", "NULL has a text"},
    {"lars_schedule_destroy.schedule", "NULL is allowed"},
};

TEST(Table, HasARowForEveryArgumentOfEveryFunction) {
  const std::vector<Argument> arguments = declared_arguments();
  ASSERT_GT(arguments.size(), 150U) << "lars.h was not read right";
  std::set<std::string> rows;
  for (const Row& row : all_rows()) rows.insert(row.function + "." + row.argument);
  std::set<std::string> declared;
  for (const Argument& argument : arguments) {
    const std::string key = argument.function + "." + argument.name;
    declared.insert(key);
    EXPECT_NE(rows.contains(key), kCannotBeWrong.contains(key))
        << key << " needs a row, or a reason, and not both";
  }
  for (const std::string& row : rows)
    EXPECT_TRUE(declared.contains(row)) << row << " is not declared in lars.h";
  for (const auto& [key, reason] : kCannotBeWrong)
    EXPECT_TRUE(declared.contains(key)) << key << ": " << reason;
}

TEST(Table, TriesNullForEveryPointerAndNanForEveryNumber) {
  std::set<std::string> null_rows;
  std::set<std::string> nan_rows;
  for (const Row& row : all_rows()) {
    const std::string key = row.function + "." + row.argument;
    if (row.mistake.starts_with("NULL")) null_rows.insert(key);
    if (row.mistake.find("NaN") != std::string::npos) nan_rows.insert(key);
  }
  // NULL means something for these: nothing to destroy, all parameters, no bound.
  const std::set<std::string> null_is_meant = {"lars_destroy.optimizer",
                                               "lars_set.selector",
                                               "lars_set_schedule.selector",
                                               "lars_set_gradient_dtype.selector",
                                               "lars_schedule_exponential_decay.end_value",
                                               "lars_schedule_warmup_exponential_decay.end_value"};
  for (const Argument& argument : declared_arguments()) {
    const std::string key = argument.function + "." + argument.name;
    if (kCannotBeWrong.contains(key)) continue;
    const bool is_pointer = argument.type.find('*') != std::string::npos ||
                            argument.type == "lars_predicate " || argument.type == "lars_schedule_function ";
    EXPECT_TRUE(!is_pointer || null_is_meant.contains(key) || null_rows.contains(key)) << key;
    const bool is_input = argument.type == "double " || argument.type == "const double* ";
    EXPECT_TRUE(!is_input || nan_rows.contains(key)) << key;
  }
}

}  // namespace
}  // namespace lars_test
