#include "idx.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <functional>

#include "dataset.hpp"

namespace large_batch {
namespace {

using Bytes = std::string;

Bytes big_endian(std::uint32_t value) {
  Bytes bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xFFU);
  return bytes;
}

Bytes image_bytes(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  Bytes bytes = big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(columns);
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) bytes += static_cast<char>(i % 251);
  return bytes;
}

Bytes label_bytes(std::uint32_t count, std::uint32_t classes = kClasses) {
  Bytes bytes = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % classes);
  return bytes;
}

class IdxTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("lars_idx_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const Bytes& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  std::filesystem::path write_gzip(const std::string& name, const Bytes& bytes) {
    const std::filesystem::path path = folder_ / name;
    gzFile file = gzopen(path.c_str(), "wb");
    EXPECT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())),
              static_cast<int>(bytes.size()));
    EXPECT_EQ(gzclose(file), Z_OK);
    return path;
  }

  void write_dataset() {
    write("train-images-idx3-ubyte", image_bytes(20, 28, 28));
    write("train-labels-idx1-ubyte", label_bytes(20));
    write_gzip("t10k-images-idx3-ubyte.gz", image_bytes(10, 28, 28));
    write_gzip("t10k-labels-idx1-ubyte.gz", label_bytes(10));
  }

  std::filesystem::path folder_;
};

void expect_error(const std::function<void()>& call, const std::string& part) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST_F(IdxTest, ReadsCompressedAndPlainAlike) {
  const Bytes bytes = image_bytes(3, 4, 5);
  for (const auto& path : {write("plain", bytes), write_gzip("packed.gz", bytes)}) {
    const IdxImages images = read_idx_images(path);
    EXPECT_EQ(images.count, 3U);
    EXPECT_EQ(images.rows, 4U);
    EXPECT_EQ(images.columns, 5U);
    ASSERT_EQ(images.pixels.size(), 60U);
    EXPECT_EQ(images.pixels[59], 59);
  }
  const std::vector<std::uint8_t> labels = read_idx_labels(write("labels", label_bytes(12)));
  ASSERT_EQ(labels.size(), 12U);
  EXPECT_EQ(labels[11], 1);
}

TEST_F(IdxTest, MissingFile) {
  expect_error([&] { read_idx_images(folder_ / "nothing"); }, "no such file");
}

TEST_F(IdxTest, Truncated) {
  const Bytes bytes = image_bytes(3, 4, 5);
  expect_error([&] { read_idx_images(write("empty", "")); }, "ends before");
  expect_error([&] { read_idx_images(write("header", bytes.substr(0, 10))); }, "ends before");
  expect_error([&] { read_idx_images(write("data", bytes.substr(0, bytes.size() - 1))); }, "ends before");
  expect_error([&] { read_idx_labels(write("labels", label_bytes(9).substr(0, 12))); }, "fetch it again");
}

TEST_F(IdxTest, TruncatedGzip) {
  const std::filesystem::path path = write_gzip("images.gz", image_bytes(30, 28, 28));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  expect_error([&] { read_idx_images(path); }, "fetch it again");
}

TEST_F(IdxTest, DamagedGzip) {
  const std::filesystem::path path = write_gzip("images.gz", image_bytes(30, 28, 28));
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(40);
  file << "damage damage damage";
  file.close();
  expect_error([&] { read_idx_images(path); }, "fetch it again");
}

TEST_F(IdxTest, TooLong) {
  expect_error([&] { read_idx_labels(write("labels", label_bytes(9) + "x")); }, "more data");
}

TEST_F(IdxTest, WrongMagic) {
  expect_error([&] { read_idx_images(write("text", "<html>not found</html>")); }, "not an IDX file");
  expect_error([&] { read_idx_images(write("labels", label_bytes(9))); }, "swapped");
  expect_error([&] { read_idx_labels(write("images", image_bytes(1, 2, 2))); }, "swapped");
}

TEST_F(IdxTest, AbsurdHeaderIsRefusedWithoutAskingForItsMemory) {
  const Bytes magic = big_endian(0x803);
  const Bytes most = big_endian(0xFFFFFFFF);
  expect_error([&] { read_idx_images(write("all", magic + most + most + most)); }, "header is damaged");
  expect_error([&] { read_idx_images(write("none", magic + big_endian(5) + big_endian(0) + most)); },
               "header is damaged");
  expect_error([&] { read_idx_labels(write("labels", big_endian(0x801) + most)); }, "ends before");
}

TEST_F(IdxTest, LoadsADataset) {
  write_dataset();
  const Dataset data = load_dataset(folder_);
  EXPECT_EQ(data.train.size(), 20U);
  EXPECT_EQ(data.test.size(), 10U);
  std::vector<float> pixels(kImageSize);
  double sum = 0.0;
  for (std::size_t image = 0; image < data.train.size(); ++image) {
    data.write_image(data.train, image, pixels.data());
    for (const float pixel : pixels) sum += static_cast<double>(pixel);
  }
  EXPECT_NEAR(sum / static_cast<double>(20 * kImageSize), 0.0, 1e-4);
}

TEST_F(IdxTest, MissingFolderSaysHowToGetTheData) {
  expect_error([&] { load_dataset(folder_ / "nothing"); }, "apt-get install dataset-fashion-mnist");
  expect_error([&] { load_dataset(folder_); }, "apt-get install dataset-fashion-mnist");
  expect_error([&] { load_dataset(folder_); }, "--data");
}

TEST_F(IdxTest, MismatchedCounts) {
  write_dataset();
  write("train-labels-idx1-ubyte", label_bytes(19));
  expect_error([&] { load_dataset(folder_); }, "do not belong together");
}

TEST_F(IdxTest, WrongImageSize) {
  write_dataset();
  write("train-images-idx3-ubyte", image_bytes(20, 32, 32));
  expect_error([&] { load_dataset(folder_); }, "32 x 32");
}

TEST_F(IdxTest, LabelOutOfRange) {
  write_dataset();
  write("train-labels-idx1-ubyte", label_bytes(20, 11));
  expect_error([&] { load_dataset(folder_); }, "label 10");
}

}  // namespace
}  // namespace large_batch
