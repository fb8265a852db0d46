#include "golden_case.h"

#include <fstream>
#include <limits>
#include <stdexcept>

#include "schedule_factory.h"

namespace lars_parity {
namespace {

using nlohmann::json;

std::vector<ExpectedStep> read_steps(const json& content) {
  std::vector<ExpectedStep> steps;
  for (const json& entry : content) {
    ExpectedStep step{entry.at("step"), {}};
    for (const auto& [name, tensor] : entry.at("tensors").items()) {
      ExpectedTensor expected{{}, {}, tensor.at("scale"), read_number(entry.at("float32_error"))};
      if (tensor.contains("norm")) expected.norm = read_number(tensor.at("norm"));
      for (const json& value : tensor.at("values")) expected.values.push_back(read_number(value));
      step.tensors.emplace(name, std::move(expected));
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

GoldenTensor read_tensor(const json& content) {
  return {content.at("name"),
          content.at("shape"),
          {content.at("parameter"), content.at("parameter_exponent")},
          {content.at("gradient"), content.at("gradient_exponent")}};
}

const std::map<std::string, std::int32_t>& keys() {
  static const std::map<std::string, std::int32_t> table = {
      {"learning_rate", LARS_LEARNING_RATE},
      {"weight_decay", LARS_WEIGHT_DECAY},
      {"weight_decay_mask", LARS_WEIGHT_DECAY_MASK},
      {"trust_coefficient", LARS_TRUST_COEFFICIENT},
      {"eps", LARS_EPS},
      {"trust_ratio_mask", LARS_TRUST_RATIO_MASK},
      {"momentum", LARS_MOMENTUM},
      {"nesterov", LARS_NESTEROV},
      {"gradient_scale", LARS_GRADIENT_SCALE},
  };
  return table;
}

/// Selects tensors of at most *user dimensions.
std::int32_t has_few_dimensions(void* user, std::uint32_t, const char*, std::int32_t, std::uint32_t ndim,
                                const std::int64_t*) {
  return ndim <= *static_cast<const std::uint32_t*>(user) ? 1 : 0;
}

std::int32_t apply(lars_optimizer* optimizer, const json& setting) {
  const std::int32_t key = keys().at(setting.at("key"));
  const std::string selector_text = setting.value("selector", "");
  const char* selector = selector_text.empty() ? nullptr : selector_text.c_str();
  if (setting.contains("max_ndim")) {
    std::uint32_t max_ndim = setting.at("max_ndim");
    return lars_set_if(optimizer, has_few_dimensions, &max_ndim, key, setting.at("value"));
  }
  if (setting.contains("schedule")) {
    return lars_set_schedule(optimizer, selector, key, make_described_schedule(setting).get());
  }
  return lars_set(optimizer, selector, key, setting.at("value"));
}

}  // namespace

double read_number(const json& content) {
  if (content.is_number()) return content.get<double>();
  const std::string name = content;
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "-inf") return -std::numeric_limits<double>::infinity();
  throw std::runtime_error("golden file: '" + name + "' is not a number");
}

std::size_t GoldenTensor::count() const {
  std::size_t product = 1;
  for (const std::int64_t extent : shape) product *= static_cast<std::size_t>(extent);
  return product;
}

json read_golden_file(const std::string& group) {
  const std::string path = std::string(LARS_GOLDEN_DIRECTORY) + "/" + group + ".json";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path + "; scripts/golden makes it");
  return json::parse(file);
}

std::vector<GoldenCase> read_golden_cases(const std::string& group) {
  std::vector<GoldenCase> cases;
  const json file = read_golden_file(group);
  for (const json& content : file.at("cases")) {
    GoldenCase golden{content.at("name"),
                      content.at("steps"),
                      {},
                      content.at("settings"),
                      read_steps(content.at("updates")),
                      read_steps(content.at("parameters"))};
    for (const json& tensor : content.at("tensors")) golden.tensors.push_back(read_tensor(tensor));
    cases.push_back(std::move(golden));
  }
  return cases;
}

std::vector<std::size_t> sampled_indices(std::size_t count) {
  constexpr std::size_t most_complete = 64;
  constexpr std::size_t stride_parts = 40;
  constexpr std::size_t tail = 16;
  std::vector<std::size_t> indices;
  const bool complete = count <= most_complete;
  const std::size_t strided_end = complete ? count : count - tail;
  const std::size_t stride = complete ? 1 : count / stride_parts;
  for (std::size_t i = 0; i < strided_end; i += stride) indices.push_back(i);
  for (std::size_t i = strided_end; i < count; ++i) indices.push_back(i);
  return indices;
}

std::int32_t set_value(lars_optimizer* optimizer, const std::string& key, double value) {
  return lars_set(optimizer, nullptr, keys().at(key), value);
}

void apply_settings(lars_optimizer* optimizer, const json& settings) {
  for (const json& setting : settings) {
    ASSERT_EQ(apply(optimizer, setting), LARS_OK) << setting << ": " << lars_error_message(optimizer);
  }
}

}  // namespace lars_parity
