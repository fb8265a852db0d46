#include "dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace large_batch {
namespace {

std::filesystem::path find_file(const std::filesystem::path& folder, const std::string& name) {
  for (const char* suffix : {".gz", ""}) {
    std::filesystem::path path = folder / (name + suffix);
    if (std::filesystem::is_regular_file(path)) return path;
  }
  throw DataError(
      fmt::format("{}: neither {}.gz nor {} is there. Install Fashion-MNIST with `apt-get install "
                  "dataset-fashion-mnist`, or give "
                  "the folder of the four IDX files of Fashion-MNIST or MNIST with --data",
                  folder.string(), name, name));
}

Split load_split(const std::filesystem::path& folder, const std::string& prefix) {
  const std::filesystem::path image_file = find_file(folder, prefix + "-images-idx3-ubyte");
  const std::filesystem::path label_file = find_file(folder, prefix + "-labels-idx1-ubyte");
  IdxImages images = read_idx_images(image_file);
  Split split{std::move(images.pixels), read_idx_labels(label_file)};
  if (images.rows != kImageSide || images.columns != kImageSide) {
    throw DataError(fmt::format("{}: images of {} x {} pixels; the networks here take {} x {}",
                                image_file.string(), images.rows, images.columns, kImageSide, kImageSide));
  }
  if (images.count != split.labels.size()) {
    throw DataError(fmt::format("{} holds {} images but {} holds {} labels; they do not belong together",
                                image_file.string(), images.count, label_file.string(), split.labels.size()));
  }
  const auto largest = std::max_element(split.labels.begin(), split.labels.end());
  if (*largest >= kClasses) {
    throw DataError(fmt::format("{}: holds the label {}; labels are 0 to {}", label_file.string(), *largest,
                                kClasses - 1));
  }
  return split;
}

}  // namespace

void Dataset::write_image(const Split& split, std::size_t image, float* pixels) const {
  const std::uint8_t* source = split.pixels.data() + image * kImageSize;
  const float scale = 1.0F / (255.0F * deviation);
  const float offset = -mean / deviation;
  for (std::size_t i = 0; i < kImageSize; ++i) pixels[i] = static_cast<float>(source[i]) * scale + offset;
}

Dataset load_dataset(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw DataError(
        fmt::format("{}: there is no such folder. Install Fashion-MNIST with `apt-get install "
                    "dataset-fashion-mnist` (it fills {}), "
                    "or give the folder of the four IDX files of Fashion-MNIST or MNIST with --data",
                    folder.string(), kDebianFolder));
  }
  Dataset data{load_split(folder, "train"), load_split(folder, "t10k")};
  double sum = 0.0;
  double sum_of_squares = 0.0;
  for (const std::uint8_t pixel : data.train.pixels) {
    sum += pixel;
    sum_of_squares += static_cast<double>(pixel) * pixel;
  }
  const auto count = static_cast<double>(data.train.pixels.size());
  const double mean = sum / count;
  const double variance = sum_of_squares / count - mean * mean;
  if (!(variance > 0.0)) {
    throw DataError(fmt::format("{}: all pixels of the training images are equal", folder.string()));
  }
  data.mean = static_cast<float>(mean / 255.0);
  data.deviation = static_cast<float>(std::sqrt(variance) / 255.0);
  return data;
}

}  // namespace large_batch
