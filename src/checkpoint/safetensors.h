// The safetensors format (https://github.com/huggingface/safetensors): 8 bytes with the length of a JSON
// header, little-endian; the header, which names every tensor with type, shape and place; the tensors,
// without gaps.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/json.h"

namespace lars::safetensors {

/// Bytes before the header.
inline constexpr std::uint64_t kPrefix = 8;

/// The longest header that is read: that of the reference implementation.
inline constexpr std::uint64_t kMaxHeader = 100'000'000;

struct Tensor {
  std::string name;
  std::string dtype;  // "F32", "F64", "I16"
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes, from the end of the header
  std::uint64_t end = 0;
};

using Metadata = std::map<std::string, std::string>;

/// A shape as JSON.
Json::Array shape_json(const std::vector<std::int64_t>& shape);

/// The text of a key that every checkpoint has; LARS_ERR_FORMAT if this one has not.
const std::string& text_at(const Metadata& metadata, const char* key);

struct Header {
  std::vector<Tensor> tensors;  // in order of their places
  Metadata metadata;
};

/// Prefix and header. The header is padded with spaces, so that tensors begin at a multiple of 8 bytes.
std::string format_header(const Header& header);

/// The length of the header from the prefix; LARS_ERR_FORMAT if a file of `size` bytes cannot have it.
std::uint64_t header_length(std::string_view prefix, std::uint64_t size);

/// Reads the header of a file that has `data_size` bytes after it. LARS_ERR_FORMAT unless every tensor has
/// the size of its type and shape and all lie end to end, from the first byte to the last.
Header parse_header(std::string_view text, std::uint64_t data_size);

}  // namespace lars::safetensors
