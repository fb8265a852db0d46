// The shapes on which a step is timed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lars_bench {

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t count;  // elements
};

struct Model {
  std::string name;
  std::string source;
  std::vector<Tensor> tensors;

  [[nodiscard]] std::int64_t count() const;
};

/// A model by name: a table in `tables` ("resnet50": tables/resnet50.json), or one of the made-up ones:
/// "small": 2000 tensors of 64 to 255 elements; "single:N": one tensor of N elements; "even:TxN": T tensors
/// of N. Throws std::runtime_error, with what to do about it, if there is none.
Model make_model(const std::string& name, const std::filesystem::path& tables);

}  // namespace lars_bench
