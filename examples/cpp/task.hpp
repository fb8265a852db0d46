// The task of examples/README.md: sizes, images and labels, initial weights.
#ifndef LARS_EXAMPLES_TASK_HPP
#define LARS_EXAMPLES_TASK_HPP

#include <zlib.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace task {

constexpr std::size_t kInputs = 784;
constexpr std::size_t kHidden = 100;
constexpr std::size_t kOutputs = 10;
constexpr std::size_t kImages = 4096;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kEpochs = 5;
constexpr std::size_t kSteps = kEpochs * (kImages / kBatch);
constexpr std::uint64_t kSeed = 20170813;

inline float next_weight(std::uint64_t& state, std::size_t inputs) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return static_cast<float>((static_cast<double>(state >> 40) / 16777216.0 - 0.5) * 2.0 /
                            std::sqrt(static_cast<double>(inputs)));
}

/// What follows the header of a file in IDX format, gzipped or not.
inline std::vector<unsigned char> read_file(const std::string& path, std::size_t header, std::size_t bytes) {
  std::vector<unsigned char> content(header + bytes);
  gzFile file = gzopen(path.c_str(), "rb");
  const int got = file != nullptr ? gzread(file, content.data(), static_cast<unsigned>(content.size())) : -1;
  if (file != nullptr) gzclose(file);
  if (got != static_cast<int>(content.size()))
    throw std::runtime_error(path + " is not there, or is no IDX file with 4096 images or labels");
  content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(header));
  return content;
}

inline std::vector<unsigned char> read_labels(const std::string& path) { return read_file(path, 8, kImages); }

/// Pixels between 0 and 1, image by image.
inline std::vector<std::vector<float>> read_images(const std::string& path) {
  const std::vector<unsigned char> pixels = read_file(path, 16, kImages * kInputs);
  std::vector<std::vector<float>> images(kImages, std::vector<float>(kInputs));
  for (std::size_t i = 0; i < kImages * kInputs; ++i)
    images[i / kInputs][i % kInputs] = static_cast<float>(pixels[i]) / 255.0F;
  return images;
}

}  // namespace task

#endif  // LARS_EXAMPLES_TASK_HPP
