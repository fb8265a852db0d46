#include "model.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

namespace lars_bench {
namespace {

std::int64_t product(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t number(const std::string& text, const std::string& model) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) {
    throw std::runtime_error(fmt::format("model {}: \"{}\" is not a count of elements", model, text));
  }
  return value;
}

Model even(const std::string& name, std::int64_t tensors, std::int64_t count) {
  Model model = {name, "made up", {}};
  for (std::int64_t i = 0; i < tensors; ++i) model.tensors.push_back({fmt::format("{}", i), {count}, count});
  return model;
}

/// 2000 tensors of 64 to 255 elements: the biases and scales of a large model without its matrices.
Model small() {
  Model model = {"small", "made up", {}};
  for (std::int64_t i = 0; i < 2000; ++i) {
    const std::int64_t count = 64 + i * 7919 % 192;
    model.tensors.push_back({fmt::format("{}", i), {count}, count});
  }
  return model;
}

Model from_table(const std::string& name, const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    throw std::runtime_error(fmt::format(
        "there is no model \"{}\": {} cannot be read; made-up models are small, single:N and even:TxN", name,
        file.string()));
  }
  const nlohmann::json table = nlohmann::json::parse(stream);
  Model model = {name, table.at("source"), {}};
  for (const nlohmann::json& one : table.at("parameters")) {
    const std::vector<std::int64_t> shape = one.at("shape");
    model.tensors.push_back({one.at("name"), shape, product(shape)});
  }
  return model;
}

}  // namespace

std::int64_t Model::count() const {
  std::int64_t sum = 0;
  for (const Tensor& tensor : tensors) sum += tensor.count;
  return sum;
}

Model make_model(const std::string& name, const std::filesystem::path& tables) {
  if (name == "small") return small();
  if (name.starts_with("single:")) return even(name, 1, number(name.substr(7), name));
  if (name.starts_with("even:")) {
    const std::size_t cross = name.find('x');
    if (cross == std::string::npos) throw std::runtime_error("model even:TxN: the x is missing");
    return even(name, number(name.substr(5, cross - 5), name), number(name.substr(cross + 1), name));
  }
  return from_table(name, tables / (name + ".json"));
}

}  // namespace lars_bench
