/**
 * @file
 * Texts as lars.h takes them: ended by a NUL, and with none inside.
 */
#ifndef LARS_CPP_TEXT_HPP
#define LARS_CPP_TEXT_HPP

#include <string>
#include <string_view>

namespace lars {
inline namespace cpp {

/// A name, a path, the name of kernels: of anything that a std::string_view is made of.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {}

  [[nodiscard]] const char* c_str() const noexcept { return text_.c_str(); }
  /// Whether lars.h would see less of it than there is.
  [[nodiscard]] bool is_cut() const noexcept { return text_.find('\0') != std::string::npos; }

 private:
  std::string text_;
};

/// Which parameters a setting is for: all, also those added later, or those whose names match a glob.
class Selector {
 public:
  Selector() = default;
  /// NULL: all.
  Selector(const char* glob) : is_glob_(glob != nullptr), glob_(glob != nullptr ? glob : "") {}
  Selector(std::string_view glob) : is_glob_(true), glob_(glob) {}
  Selector(const std::string& glob) : is_glob_(true), glob_(glob) {}

  [[nodiscard]] bool is_all() const noexcept { return !is_glob_; }
  [[nodiscard]] const std::string& glob() const noexcept { return glob_; }
  [[nodiscard]] const char* c_str() const noexcept { return is_glob_ ? glob_.c_str() : nullptr; }
  [[nodiscard]] bool is_cut() const noexcept { return glob_.find('\0') != std::string::npos; }

 private:
  bool is_glob_ = false;
  std::string glob_;
};
using All = Selector;

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_TEXT_HPP
