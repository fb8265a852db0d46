// Reader of IDX files, the format in which MNIST and Fashion-MNIST are distributed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace large_batch {

// What is wrong with a data file or folder, and what to do about it.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Images of 8-bit grey values, end to end, row by row.
struct IdxImages {
  std::size_t count = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::uint8_t> pixels;
};

// Both read a file with or without gzip compression and throw DataError for one that is missing, damaged, cut
// short, too long, or of another kind.
IdxImages read_idx_images(const std::filesystem::path& path);
std::vector<std::uint8_t> read_idx_labels(const std::filesystem::path& path);

}  // namespace large_batch
