// JSON as checkpoints have it: read strictly, and numbers as text that no locale changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lars {

/// A JSON value. nlohmann-json reads and escapes, but its own values allocate memory when they are destroyed,
/// which ends the process if there is none.
class Json {
 public:
  struct Null {
    bool operator==(const Null&) const = default;
  };
  /// A number that is not natural: nothing in a checkpoint is, and so its value is of no interest.
  struct OtherNumber {
    bool operator==(const OtherNumber&) const = default;
  };
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;
  using Member = std::pair<const std::string, Json>;

  Json() = default;
  Json(bool value) : value_(value) {}                      // NOLINT(google-explicit-constructor)
  Json(std::uint64_t value) : value_(value) {}             // NOLINT(google-explicit-constructor)
  Json(OtherNumber value) : value_(value) {}               // NOLINT(google-explicit-constructor)
  Json(std::string value) : value_(std::move(value)) {}    // NOLINT(google-explicit-constructor)
  Json(const char* value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Json(Array value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Json(Object value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Json(std::initializer_list<Member> members) : value_(Object(members)) {}

  bool operator==(const Json&) const = default;

  /// The value as one of the types above; nullptr if it is another.
  template <class Type>
  [[nodiscard]] const Type* get() const {
    return std::get_if<Type>(&value_);
  }
  template <class Type>
  [[nodiscard]] Type* get() {
    return std::get_if<Type>(&value_);
  }

  /// "a list", for messages.
  [[nodiscard]] const char* kind() const;

  /// How many values there are: this one, and all that are in it.
  [[nodiscard]] std::uint64_t count() const;

  /// As JSON text, objects in order of their keys. LARS_ERR_NAME if a text is not UTF-8.
  [[nodiscard]] std::string dump() const;

 private:
  void append_to(std::string& text) const;

  std::variant<Null, bool, std::uint64_t, OtherNumber, std::string, Array, Object> value_;
};

/// Parses text; LARS_ERR_FORMAT, naming `what`, if it is not JSON, repeats a key, nests deeper than a
/// checkpoint does, or has more than so many values: a value takes up to fifty times the memory of its text.
Json parse_json(std::string_view text, std::string_view what, std::uint64_t most_values);

// What a value must be; LARS_ERR_FORMAT if it is something else, or if an object has no such member.
const Json& member(const Json& object, std::string_view key);
const Json::Array& list_of(const Json& value);
bool bool_of(const Json& value);
const std::string& string_of(const Json& value);

/// The member if there is one, else nullptr.
const Json* find_member(const Json& object, std::string_view key);

// Numbers are strings: a binary64 in the shortest form that reads back as itself, so also "inf" and "nan".
std::string text_of(double value);
double double_of(const Json& text);
std::uint64_t unsigned_of(const Json& text);

}  // namespace lars
