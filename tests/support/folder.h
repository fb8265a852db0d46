// A folder of one test's own, which goes with it.
#pragma once

#include <filesystem>
#include <random>
#include <string>

namespace lars_test {

class Folder {
 public:
  Folder() {
    std::random_device entropy;  // tests run side by side in processes of their own
    do {
      path_ = std::filesystem::temp_directory_path() / ("lars-" + std::to_string(entropy()));
    } while (!std::filesystem::create_directory(path_));
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  Folder(Folder&&) = delete;
  Folder& operator=(Folder&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace lars_test
