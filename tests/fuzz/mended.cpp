// Makes length, checksums and data of a checkpoint right, by the description in docs/checkpoints.md and apart
// from src/.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "fuzz.h"

namespace lars_fuzz {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPrefix = 8;

std::string digest(const char* bytes, std::size_t size) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(XXH3_64bits(bytes, size)));
  return text;
}

/// Where the JSON object that `text` begins with ends; 0 if it does not.
std::size_t end_of_object(const char* text, std::size_t size) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < size; ++i) {
    if (quoted) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        quoted = false;
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}') {
      if (depth <= 1) return depth == 1 ? i + 1 : 0;
      --depth;
    } else if (depth == 0) {
      return 0;
    }
  }
  return 0;
}

/// An offset; beyond all data if it is none.
std::uint64_t offset_of(const Json& tensor, std::size_t which) {
  const Json& offset = tensor.at("data_offsets").at(which);
  return offset.is_number_unsigned() ? offset.get<std::uint64_t>()
                                     : std::numeric_limits<std::uint64_t>::max();
}

std::string assemble(Json header, std::string data) {
  constexpr std::uint64_t kMostData = 4096;
  std::uint64_t data_size = 0;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    const std::uint64_t begin = offset_of(tensor, 0);
    const std::uint64_t end = offset_of(tensor, 1);
    if (begin > end || end > kMostData) return "";
    data_size = std::max(data_size, end);
  }
  data.resize(data_size);
  Json checksums = Json::object();
  Json content = Json::array({header.at("__metadata__"), Json::object()});
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    const std::uint64_t begin = offset_of(tensor, 0);
    const std::uint64_t end = offset_of(tensor, 1);
    checksums[name] = digest(data.data() + begin, end - begin);
    content[1][name] = {tensor.at("dtype"), tensor.at("shape")};
  }
  Json& metadata = header["__metadata__"];
  metadata["xxh3_64"] = checksums.dump();
  content[0] = metadata;
  content[0].erase("checksum");
  const std::string text = content.dump();
  metadata["checksum"] = digest(text.data(), text.size());
  std::string bytes = header.dump();
  bytes.resize((bytes.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = bytes.size();
  std::string prefix(kPrefix, '\0');
  std::memcpy(prefix.data(), &length, sizeof length);
  return prefix + bytes + data;
}

}  // namespace

std::string mended(const std::uint8_t* data, std::size_t size) {
  if (size < kPrefix) return "";
  const char* text = reinterpret_cast<const char*>(data) + kPrefix;
  const std::size_t rest = size - kPrefix;
  const std::size_t length = end_of_object(text, rest);
  if (length == 0) return "";
  std::size_t data_begin = length;
  while (data_begin < rest && text[data_begin] == ' ') ++data_begin;
  try {
    return assemble(Json::parse(text, text + length), std::string(text + data_begin, rest - data_begin));
  } catch (const Json::exception&) {
    return "";
  }
}

}  // namespace lars_fuzz
