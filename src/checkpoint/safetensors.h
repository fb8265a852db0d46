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

/// Bytes of an element; LARS_ERR_FORMAT unless the type is one that liblars writes.
std::uint64_t element_size(const Tensor& tensor);

/// A shape as JSON.
Json::Array shape_json(const std::vector<std::int64_t>& shape);

struct Header {
  std::vector<Tensor> tensors;  // in order of their places
  Metadata metadata;
};

/// Prefix and header. The header is padded with spaces, so that tensors begin at a multiple of 8 bytes.
std::string format_header(const Header& header);

/// The length of the header from the prefix; LARS_ERR_FORMAT if a file of `size` bytes cannot have it.
std::uint64_t header_length(std::string_view prefix, std::uint64_t size);

// What a header says, which is a JSON object, in two steps: in files of other programs and of newer formats,
// tensors may be of kinds that are unknown here, and only the metadata say whose file it is.

/// __metadata__, an object; empty if there is none.
const Json::Object& metadata_in(const Json& header);

/// All of it, of a file that has `data_size` bytes after it. LARS_ERR_FORMAT unless every tensor has the size
/// of its type and shape and all lie end to end, from the first byte to the last.
Header header_of(const Json& json, std::uint64_t data_size);

}  // namespace lars::safetensors
