// Fashion-MNIST, or MNIST: the training and the test images with their labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "idx.hpp"

namespace large_batch {

// Where Debian's package dataset-fashion-mnist puts its four files.
inline constexpr const char* kDebianFolder = "/usr/share/datasets/fashion-mnist";

inline constexpr std::size_t kClasses = 10;
inline constexpr std::size_t kImageSide = 28;
inline constexpr std::size_t kImageSize = kImageSide * kImageSide;

struct Split {
  std::vector<std::uint8_t> pixels;  // kImageSize for each image
  std::vector<std::uint8_t> labels;

  [[nodiscard]] std::size_t size() const { return labels.size(); }
};

struct Dataset {
  Split train;
  Split test;
  // Of all training pixels scaled to [0, 1]; both splits are normalised with them.
  float mean = 0.0F;
  float deviation = 1.0F;

  // Writes the normalised pixels of one image, kImageSize of them.
  void write_image(const Split& split, std::size_t image, float* pixels) const;
};

// Reads {train,t10k}-{images-idx3,labels-idx1}-ubyte, each with or without ".gz". Throws DataError, whose
// message says how to get the data.
Dataset load_dataset(const std::filesystem::path& folder);

}  // namespace large_batch
