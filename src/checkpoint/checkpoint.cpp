#include "checkpoint/checkpoint.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <map>
#include <type_traits>
#include <utility>

#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/storage.h"
#include "error.h"
#include "utf8.h"
#include "version.h"

namespace lars {
namespace {

constexpr const char* kFormat = "liblars";
constexpr const char* kFormatVersion = "1";

/// Bytes hashed and written or read at once: they are in cache for the second of the two.
constexpr std::size_t kBlock = std::size_t{1} << 20;

std::string digest_text(std::uint64_t digest) { return formatted("{:016x}", digest); }

/// XXH3 of blocks, one after the other.
class Digest {
 public:
  Digest() { XXH3_64bits_reset(&state_); }
  void add(std::span<const std::byte> block) { XXH3_64bits_update(&state_, block.data(), block.size()); }
  [[nodiscard]] std::uint64_t value() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

template <class Body>
void for_each_block(std::span<std::byte> bytes, const Body& body) {
  for (std::size_t offset = 0; offset < bytes.size(); offset += kBlock) {
    body(offset, bytes.subspan(offset, std::min(kBlock, bytes.size() - offset)));
  }
}

std::string digest_of(std::string_view bytes) { return digest_text(XXH3_64bits(bytes.data(), bytes.size())); }

/// A digest of all that the header says, whoever wrote its JSON, but for the digest itself and the tensors'
/// places, which another program may choose anew when it writes the file: every tensor has a digest of its
/// own.
std::string header_digest(const safetensors::Header& header) {
  Json::Object metadata(header.metadata.begin(), header.metadata.end());
  metadata.erase("checksum");
  Json::Object tensors;
  for (const safetensors::Tensor& tensor : header.tensors) {
    tensors[tensor.name] = Json::Array{tensor.dtype, safetensors::shape_json(tensor.shape)};
  }
  return digest_of(Json(Json::Array{std::move(metadata), std::move(tensors)}).dump());
}

/// The text of a key that every checkpoint has; LARS_ERR_FORMAT if this one has not.
const std::string& text_at(const safetensors::Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail(LARS_ERR_FORMAT, "the header is damaged: \"{}\" is missing", key);
  return found->second;
}

/// Whose file it is, and of which format: first of all, since all else may be another in a newer one.
void check_format(const Json::Object& metadata) {
  const auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    const auto* content = found != metadata.end() ? found->second.get<std::string>() : nullptr;
    return content != nullptr ? cut(*content, 64) : std::string_view("unknown");
  };
  if (text("format") != kFormat) fail(LARS_ERR_FORMAT, "this is no checkpoint of liblars");
  if (text("format_version") != kFormatVersion) {
    fail(LARS_ERR_FORMAT,
         "the checkpoint has format {}, written by {}; this is liblars {}, which reads format {}",
         text("format_version"), text("written_by"), kVersion, kFormatVersion);
  }
}

const char* dtype_of(ElementType type) { return compute_type(type) == ElementType::f64 ? "F64" : "F32"; }

}  // namespace

// ---- The tensors ----------------------------------------------------------------------------------------

/// The state's tensors; by size of element, the largest first, so that each lies on its alignment in the
/// file. buffer(index) gives the memory of one.
std::vector<Checkpoint::Piece> Checkpoint::pieces(std::uint32_t accumulated) const {
  std::vector<Piece> pieces;
  const auto add = [&](std::uint32_t index, const char* suffix, const char* dtype, Kind kind,
                       std::uint64_t bytes) {
    const Parameter& parameter = optimizer_.parameters_[index];
    pieces.push_back({{parameter.name + suffix, dtype, parameter.shape, 0, bytes}, kind, index});
  };
  for (std::uint32_t index = 0; index < optimizer_.parameter_count(); ++index) {
    const Parameter& parameter = optimizer_.parameters_[index];
    const char* dtype = dtype_of(parameter.type);
    add(index, ".momentum", dtype, Kind::momentum, parameter.compute_bytes());
    if (parameter.type == ElementType::f16)
      add(index, ".master", "F32", Kind::master, parameter.master_bytes());
    if (parameter.type == ElementType::bf16)
      add(index, ".master_lower", "I16", Kind::master, parameter.master_bytes());
    if (accumulated != 0) add(index, ".accumulator", dtype, Kind::accumulator, parameter.compute_bytes());
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return safetensors::element_size(a.tensor) > safetensors::element_size(b.tensor);
  });
  std::uint64_t next = 0;
  for (Piece& piece : pieces) {
    piece.tensor.begin = next;
    next += piece.tensor.end;
    piece.tensor.end = next;
  }
  return pieces;
}

std::span<std::byte> Checkpoint::memory(const State& state, const Piece& piece) {
  const TensorMemory& memory = piece.kind == Kind::momentum ? state.momentum
                               : piece.kind == Kind::master ? state.masters
                                                            : state.accumulators;
  return {static_cast<std::byte*>(memory.buffer(piece.parameter)),
          static_cast<std::size_t>(piece.tensor.end - piece.tensor.begin)};
}

// ---- Saving ---------------------------------------------------------------------------------------------

Checkpoint::Draft Checkpoint::draft() {
  if (optimizer_.external_) {
    fail(LARS_ERR_STATE,
         "the momentum of this optimizer is the caller's (lars_step_external): save that, and the step "
         "counts");
  }
  optimizer_.prepare();
  return {pieces(optimizer_.accumulated_), state_metadata()};
}

/// The header of a draft whose tensors have these digests. Digests have one length, so that this has, too.
std::string Checkpoint::header_text(const Draft& draft, const std::vector<std::uint64_t>& digests) {
  Json::Object checksums;
  safetensors::Header header;
  for (std::size_t i = 0; i < draft.pieces.size(); ++i) {
    header.tensors.push_back(draft.pieces[i].tensor);
    checksums[draft.pieces[i].tensor.name] = digest_text(digests[i]);
  }
  header.metadata = draft.metadata;
  header.metadata.emplace("format", kFormat);
  header.metadata.emplace("format_version", kFormatVersion);
  header.metadata["written_by"] = formatted("liblars {}", kVersion);
  header.metadata["xxh3_64"] = Json(std::move(checksums)).dump();
  header.metadata["checksum"] = header_digest(header);
  return safetensors::format_header(header);
}

std::uint64_t Checkpoint::data_begin(const Draft& draft) {
  return header_text(draft, std::vector<std::uint64_t>(draft.pieces.size())).size();
}

std::uint64_t Checkpoint::save_size() {
  const Draft content = draft();
  return data_begin(content) + data_size(content.pieces);
}

/// The header, which has the tensors' digests, comes last, so that every tensor is read once: what was hashed
/// is still in cache when it is written.
void Checkpoint::save_to_file(const char* path) {
  const Draft content = draft();
  const std::uint64_t begin = data_begin(content);
  ReplacingFile file(path, begin + data_size(content.pieces));
  std::vector<std::uint64_t> digests;
  for (const Piece& piece : content.pieces) {
    Digest digest;
    for_each_block(memory(optimizer_.state_, piece), [&](std::uint64_t offset, std::span<std::byte> block) {
      digest.add(block);
      file.write(begin + piece.tensor.begin + offset, block);
    });
    digests.push_back(digest.value());
  }
  const std::string header = header_text(content, digests);
  file.write(0, std::as_bytes(std::span(header)));
  file.commit();
}

/// Nothing fails after the first byte was written.
void Checkpoint::save_to_memory(void* buffer, std::uint64_t bytes) {
  const Draft content = draft();
  std::vector<std::uint64_t> digests;
  for (const Piece& piece : content.pieces) {
    Digest digest;
    digest.add(memory(optimizer_.state_, piece));
    digests.push_back(digest.value());
  }
  const std::string header = header_text(content, digests);
  const std::uint64_t size = header.size() + data_size(content.pieces);
  if (bytes != size) {
    fail(LARS_ERR_VALUE, "bytes: {} is not the size of the checkpoint; lars_save_size says {}", bytes, size);
  }
  char* next = std::copy(header.begin(), header.end(), static_cast<char*>(buffer));
  for (const Piece& piece : content.pieces) {
    const std::span<std::byte> tensor = memory(optimizer_.state_, piece);
    std::copy(tensor.begin(), tensor.end(), reinterpret_cast<std::byte*>(next));
    next += tensor.size();
  }
}

// ---- Loading --------------------------------------------------------------------------------------------

void Checkpoint::load_from_file(const char* path) {
  InputFile file(path);
  try {
    load(file);
  } catch (const Error& error) {
    if (error.status() == LARS_ERR_IO) throw;  // names the file already
    throw Error(error.status(), formatted("'{}': {}", shown_path(path), error.what()));
  }
}

void Checkpoint::load_from_memory(const void* buffer, std::uint64_t bytes) {
  InputMemory memory(buffer, bytes);
  load(memory);
}

/// Everything that can fail comes before anything changes.
void Checkpoint::load(Input& input) {
  optimizer_.prepare_tables();
  const FileHeader header = read_header(input);
  Loaded loaded = read_metadata(header.content.metadata);
  const std::vector<Piece> expected = check_tensors(header.content, loaded.optimizer.accumulated_);
  State state = read_tensors(input, header, expected);

  optimizer_.state_ = std::move(state);
  optimizer_.have_accumulators_ = loaded.optimizer.accumulated_ != 0;
  for (std::uint32_t index = 0; index < optimizer_.parameter_count(); ++index) {
    std::swap(optimizer_.parameters_[index].hyperparameters, loaded.hyperparameters[index]);
  }
  static_assert(std::is_nothrow_move_assignable_v<PersistentState>);
  static_cast<PersistentState&>(optimizer_) = std::move(loaded.optimizer);
  optimizer_.least_steps_.forget();
  optimizer_.telemetry_.forget();
  optimizer_.have_state_ = true;
  optimizer_.external_ = false;
  optimizer_.parameters_changed();
  optimizer_.hyperparameters_changed();
}

Checkpoint::FileHeader Checkpoint::read_header(Input& input) const {
  std::array<char, safetensors::kPrefix> prefix = {};
  const std::uint64_t available = std::min<std::uint64_t>(input.size(), prefix.size());
  input.read(0, std::as_writable_bytes(std::span(prefix)).first(static_cast<std::size_t>(available)));
  const std::uint64_t length =
      safetensors::header_length({prefix.data(), static_cast<std::size_t>(available)}, input.size());
  std::string text(static_cast<std::size_t>(length), '\0');
  input.read(prefix.size(), std::as_writable_bytes(std::span(text)));
  const std::uint64_t begin = prefix.size() + length;
  const Json json = parse_json(text, "the header", most_values());
  check_format(safetensors::metadata_in(json));
  FileHeader header = {safetensors::header_of(json, input.size() - begin), begin};
  if (text_at(header.content.metadata, "checksum") != header_digest(header.content)) {
    fail(LARS_ERR_FORMAT, "the header is damaged: its checksum is not that of its content");
  }
  return header;
}

/// What a text of the metadata says, which is JSON again.
Json Checkpoint::parse_member(const safetensors::Metadata& metadata, const char* key) const {
  return parse_json(text_at(metadata, key), key, most_values());
}

/// Those that the header must name, at the places that it gives them.
std::vector<Checkpoint::Piece> Checkpoint::check_tensors(const safetensors::Header& header,
                                                         std::uint32_t accumulated) const {
  std::vector<Piece> expected = pieces(accumulated);
  std::map<std::string_view, const safetensors::Tensor*> found;
  for (const safetensors::Tensor& tensor : header.tensors) found[tensor.name] = &tensor;
  for (Piece& piece : expected) {
    const auto place = found.find(piece.tensor.name);
    if (place == found.end()) fail(LARS_ERR_FORMAT, "tensor '{}' is missing", piece.tensor.name);
    const safetensors::Tensor& tensor = *place->second;
    if (tensor.dtype != piece.tensor.dtype || tensor.shape != piece.tensor.shape) {
      fail(LARS_ERR_MISMATCH, "tensor '{}' is {} {} in the checkpoint, and {} {} here", tensor.name,
           tensor.dtype, shape_text(tensor.shape), piece.tensor.dtype, shape_text(piece.tensor.shape));
    }
    piece.tensor.begin = tensor.begin;
    piece.tensor.end = tensor.end;
  }
  if (header.tensors.size() != expected.size()) {
    fail(LARS_ERR_FORMAT, "there are {} tensors, but {} belong to these parameters", header.tensors.size(),
         expected.size());
  }
  return expected;
}

/// Into memory of their own, which takes the place of the present state when all has been read.
Checkpoint::State Checkpoint::read_tensors(Input& input, const FileHeader& header,
                                           const std::vector<Piece>& expected) const {
  const Json checksums = parse_member(header.content.metadata, "xxh3_64");
  const bool accumulators = std::any_of(expected.begin(), expected.end(),
                                        [](const Piece& piece) { return piece.kind == Kind::accumulator; });
  State state = optimizer_.allocate_state(accumulators);
  for (const Piece& piece : expected) {
    Digest digest;
    for_each_block(memory(state, piece), [&](std::uint64_t offset, std::span<std::byte> block) {
      input.read(header.data_begin + piece.tensor.begin + offset, block);
      digest.add(block);
    });
    if (string_of(member(checksums, piece.tensor.name)) != digest_text(digest.value())) {
      fail(LARS_ERR_FORMAT, "tensor '{}' is damaged: its checksum is not that of its content",
           piece.tensor.name);
    }
  }
  return state;
}

}  // namespace lars
