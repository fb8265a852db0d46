#include "idx.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

namespace large_batch {
namespace {

// Third byte of the magic number: 8 is unsigned byte; fourth byte: the number of dimensions.
constexpr std::uint32_t kImagesMagic = 0x00000803;
constexpr std::uint32_t kLabelsMagic = 0x00000801;

// The format knows no upper limit; this one stops a damaged header from asking for all memory.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;

struct CloseFile {
  void operator()(gzFile_s* file) const { gzclose_r(file); }
};

// gzread passes a file that is not compressed through as it is, so that both kinds can be read alike.
class IdxFile {
 public:
  explicit IdxFile(const std::filesystem::path& path) : path_(path) {
    if (!std::filesystem::is_regular_file(path)) {
      throw DataError(fmt::format("{}: there is no such file", path.string()));
    }
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) throw DataError(fmt::format("{}: cannot be opened; may it be read?", path.string()));
  }

  void expect_magic(std::uint32_t expected, const char* kind) {
    const std::uint32_t magic = read_big_endian();
    if (magic == expected) return;
    if (magic == kImagesMagic || magic == kLabelsMagic) {
      fail(fmt::format("holds {} where {} are expected; were two files swapped?",
                       magic == kImagesMagic ? "images" : "labels", kind));
    }
    fail(fmt::format(
        "is not an IDX file of {}: it starts with {:#010x}, not {:#010x}; fetch it again, gzip'd or "
        "unpacked",
        kind, magic, expected));
  }

  std::uint32_t read_big_endian() {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes.data(), bytes.size());
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = (value << 8) | byte;
    return value;
  }

  std::vector<std::uint8_t> read_all(std::uint64_t size) {
    if (size > kMostBytes)
      fail(fmt::format("claims to hold {} bytes; its header is damaged: fetch it again", size));
    // Grown piece by piece: a header that lies about its size costs no more memory than the file has data.
    constexpr std::uint64_t kPiece = std::uint64_t{1} << 24;
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < size) {
      const std::size_t done = bytes.size();
      bytes.resize(done + static_cast<std::size_t>(std::min(kPiece, size - done)));
      read(bytes.data() + done, bytes.size() - done);
    }
    return bytes;
  }

  void expect_end() {
    std::uint8_t extra = 0;
    const int got = gzread(file_.get(), &extra, 1);
    if (got < 0) fail_damaged();
    if (got > 0) fail("holds more data than its header says; fetch it again");
  }

 private:
  void read(std::uint8_t* destination, std::size_t size) {
    while (size > 0) {
      const auto piece = static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
      const int got = gzread(file_.get(), destination, piece);
      if (got < 0) fail_damaged();
      if (got == 0) fail("ends before the data that its header announces; fetch it again");
      destination += got;
      size -= static_cast<std::size_t>(got);
    }
  }

  [[noreturn]] void fail_damaged() {
    int code = 0;
    const std::string reason = gzerror(file_.get(), &code);
    fail(fmt::format("is damaged ({}); fetch it again", reason));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: {}", path_.string(), what));
  }

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, CloseFile> file_;
};

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  IdxFile file(path);
  file.expect_magic(kImagesMagic, "images");
  IdxImages images;
  images.count = file.read_big_endian();
  images.rows = file.read_big_endian();
  images.columns = file.read_big_endian();
  // 64 bits hold the product of two 32-bit numbers, and the third factor is bounded by the check below.
  const std::uint64_t image_size = std::uint64_t{images.rows} * images.columns;
  if (image_size == 0 || image_size > kMostBytes || images.count == 0 ||
      images.count > kMostBytes / image_size) {
    throw DataError(
        fmt::format("{}: claims {} images of {} x {} pixels; its header is damaged: fetch it again",
                    path.string(), images.count, images.rows, images.columns));
  }
  images.pixels = file.read_all(images.count * image_size);
  file.expect_end();
  return images;
}

std::vector<std::uint8_t> read_idx_labels(const std::filesystem::path& path) {
  IdxFile file(path);
  file.expect_magic(kLabelsMagic, "labels");
  const std::uint32_t count = file.read_big_endian();
  std::vector<std::uint8_t> labels = file.read_all(count);
  file.expect_end();
  return labels;
}

}  // namespace large_batch
