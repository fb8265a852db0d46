#include "checkpoint/safetensors.h"

#include <algorithm>
#include <limits>

#include "checkpoint/json.h"
#include "error.h"

namespace lars::safetensors {
namespace {

constexpr const char* kMetadata = "__metadata__";

std::uint64_t natural_of(const Json& json, const char* what, std::string_view name) {
  const auto* number = json.get<std::uint64_t>();
  if (number == nullptr) fail(LARS_ERR_FORMAT, "{} of tensor '{}' is not a natural number", what, name);
  return *number;
}

std::uint64_t bytes_of(const Tensor& tensor) {
  std::uint64_t bytes = element_size(tensor);
  // An empty tensor is one whatever its other extents are.
  if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end()) return 0;
  for (const std::int64_t extent : tensor.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      fail(LARS_ERR_FORMAT, "the shape of tensor '{}' has more elements than can be counted", tensor.name);
    }
  }
  return bytes;
}

Tensor tensor_of(const std::string& name, const Json& json) {
  Tensor tensor;
  tensor.name = name;
  tensor.dtype = string_of(member(json, "dtype"));
  const Json::Array& shape = list_of(member(json, "shape"));
  const Json::Array& offsets = list_of(member(json, "data_offsets"));
  if (offsets.size() != 2) {
    fail(LARS_ERR_FORMAT, "the data_offsets of tensor '{}' are not two numbers", name);
  }
  for (const Json& extent : shape) {
    const std::uint64_t value = natural_of(extent, "an extent", name);
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail(LARS_ERR_FORMAT, "an extent of tensor '{}' is too large", name);
    }
    tensor.shape.push_back(static_cast<std::int64_t>(value));
  }
  tensor.begin = natural_of(offsets[0], "an offset", name);
  tensor.end = natural_of(offsets[1], "an offset", name);
  const std::uint64_t bytes = bytes_of(tensor);
  if (tensor.begin > tensor.end || tensor.end - tensor.begin != bytes) {
    fail(LARS_ERR_FORMAT, "tensor '{}' has the offsets {} and {}, but its type and shape make {} bytes", name,
         tensor.begin, tensor.end, bytes);
  }
  return tensor;
}

void check_places(const std::vector<Tensor>& tensors, std::uint64_t data_size) {
  std::uint64_t next = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin != next) {
      fail(LARS_ERR_FORMAT, "tensor '{}' begins at byte {}, but the one before ends at {}", tensor.name,
           tensor.begin, next);
    }
    next = tensor.end;
  }
  if (next != data_size) {
    fail(LARS_ERR_FORMAT,
         "the tensors have {} bytes, but the file has {} for them; it is truncated or has more "
         "than it says",
         next, data_size);
  }
}

}  // namespace

std::uint64_t element_size(const Tensor& tensor) {
  if (tensor.dtype == "I16") return 2;
  if (tensor.dtype == "F32") return 4;
  if (tensor.dtype == "F64") return 8;
  fail(LARS_ERR_FORMAT, "tensor '{}' has type \"{}\", which no tensor of liblars has", tensor.name,
       tensor.dtype);
}

Json::Array shape_json(const std::vector<std::int64_t>& shape) {
  Json::Array list;
  for (const std::int64_t extent : shape) list.emplace_back(static_cast<std::uint64_t>(extent));
  return list;
}

std::string format_header(const Header& header) {
  Json::Object json;
  json[kMetadata] = Json::Object(header.metadata.begin(), header.metadata.end());
  for (const Tensor& tensor : header.tensors) {
    json[tensor.name] = Json({{"dtype", tensor.dtype},
                              {"shape", shape_json(tensor.shape)},
                              {"data_offsets", Json::Array{tensor.begin, tensor.end}}});
  }
  std::string text = Json(std::move(json)).dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeader) {
    fail(LARS_ERR_STATE,
         "the header of this checkpoint would have {} bytes, for {} tensors; programs read at most {}",
         text.size(), header.tensors.size(), kMaxHeader);
  }
  std::string prefix(kPrefix, '\0');
  for (std::size_t i = 0; i < kPrefix; ++i) prefix[i] = static_cast<char>(text.size() >> (8 * i));
  return prefix + text;
}

std::uint64_t header_length(std::string_view prefix, std::uint64_t size) {
  if (size < kPrefix) fail(LARS_ERR_FORMAT, "{} bytes are too few for a checkpoint", size);
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kPrefix; ++i) {
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(prefix[i])) << (8 * i);
  }
  if (length > kMaxHeader && length <= size - kPrefix) {
    fail(LARS_ERR_FORMAT, "this is no checkpoint: its header would have {} bytes, and may have {}", length,
         kMaxHeader);
  }
  if (length > size - kPrefix) {
    fail(LARS_ERR_FORMAT, "this is no checkpoint, or a truncated one: its header would have {} bytes, of {}",
         length, size);
  }
  return length;
}

const Json::Object& metadata_in(const Json& header) {
  static const Json::Object kNone;
  if (header.get<Json::Object>() == nullptr) fail(LARS_ERR_FORMAT, "the header is not a JSON object");
  const Json* metadata = find_member(header, kMetadata);
  if (metadata == nullptr) return kNone;
  const auto* entries = metadata->get<Json::Object>();
  if (entries == nullptr) fail(LARS_ERR_FORMAT, "__metadata__ is not a JSON object");
  return *entries;
}

Header header_of(const Json& json, std::uint64_t data_size) {
  Header header;
  for (const auto& [key, entry] : metadata_in(json)) header.metadata[key] = string_of(entry);
  for (const auto& [name, value] : *json.get<Json::Object>()) {
    if (name != kMetadata) header.tensors.push_back(tensor_of(name, value));
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const Tensor& a, const Tensor& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  check_places(header.tensors, data_size);
  return header;
}

}  // namespace lars::safetensors
