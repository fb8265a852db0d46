// The optimizer's state to and from checkpoints; docs/checkpoints.md describes what is in one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/storage.h"
#include "optimizer.h"
#include "text.h"

namespace lars {

/// "(3, 4)"
inline std::string shape_text(const std::vector<std::int64_t>& shape) {
  return formatted("({})", joined(shape));
}

/// Saves and loads one optimizer. Every function that throws has changed nothing.
class Checkpoint {
 public:
  explicit Checkpoint(Optimizer& optimizer) : optimizer_(optimizer) {}

  [[nodiscard]] std::uint64_t save_size();
  void save_to_file(const char* path);
  void save_to_memory(void* buffer, std::uint64_t bytes);
  void load_from_file(const char* path);
  void load_from_memory(const void* buffer, std::uint64_t bytes);

 private:
  using State = Optimizer::State;

  enum class Kind : std::uint8_t { momentum, master, accumulator };

  /// A tensor of the state and its place in the file.
  struct Piece {
    safetensors::Tensor tensor;
    Kind kind;
    std::uint32_t parameter;
  };

  struct FileHeader {
    safetensors::Header content;
    std::uint64_t data_begin;  // in the file
  };

  /// What the metadata say.
  struct Loaded {
    PersistentState optimizer;
    std::vector<Hyperparameters> hyperparameters;  // by index of this optimizer's parameters
  };

  /// What is saved, and what the header says of the rest.
  struct Draft {
    std::vector<Piece> pieces;
    safetensors::Metadata metadata;
  };

  [[nodiscard]] std::vector<Piece> pieces(std::uint32_t accumulated) const;
  static std::uint64_t data_size(const std::vector<Piece>& pieces) {
    return pieces.empty() ? 0 : pieces.back().tensor.end;
  }
  static std::span<std::byte> memory(const State& state, const Piece& piece);

  [[nodiscard]] Draft draft();
  [[nodiscard]] safetensors::Metadata state_metadata() const;
  static std::string header_text(const Draft& draft, const std::vector<std::uint64_t>& digests);
  static std::uint64_t data_begin(const Draft& draft);

  void load(Input& input);
  /// The most JSON values that the header and each text in it may have. Of parameters, tensors and sets of
  /// hyper-parameters there are never so many; schedules are as long as they were made.
  [[nodiscard]] std::uint64_t most_values() const {
    return (std::uint64_t{1} << 20) + 1024 * std::uint64_t{optimizer_.parameter_count()};
  }
  [[nodiscard]] FileHeader read_header(Input& input) const;
  [[nodiscard]] Json parse_member(const safetensors::Metadata& metadata, const char* key) const;
  [[nodiscard]] Loaded read_metadata(const safetensors::Metadata& metadata) const;
  [[nodiscard]] Loaded read_metadata(const Json& optimizer, const Json& parameters, const Json& sets,
                                     const Json& schedules) const;
  static void check_same(const Parameter& parameter, const Json& json);
  [[nodiscard]] std::vector<Piece> check_tensors(const safetensors::Header& header,
                                                 std::uint32_t accumulated) const;
  [[nodiscard]] State read_tensors(Input& input, const FileHeader& header,
                                   const std::vector<Piece>& expected) const;

  Optimizer& optimizer_;
};

}  // namespace lars
