#include "checkpoint/json.h"

#include <cfenv>
#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "error.h"
#include "utf8.h"

namespace lars {
namespace {

constexpr std::size_t kMaxDepth = 1000;

/// Bytes of the file's text in messages.
constexpr std::size_t kShown = 64;

/// Builds a Json from what nlohmann-json reads, and refuses what that leaves to its callers: depth, number of
/// values, and keys that an object has twice.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(std::string_view what, std::uint64_t most_values) : what_(what), most_values_(most_values) {}

  [[nodiscard]] Json take() { return std::move(root_); }

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t /*value*/) override { return add(Json::OtherNumber()); }
  bool number_unsigned(number_unsigned_t value) override { return add(std::uint64_t{value}); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return add(Json::OtherNumber());
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*elements*/) override { return open(Json::Object()); }
  bool key(string_t& name) override {
    if (find_member(open_.back(), name) != nullptr)
      fail(LARS_ERR_FORMAT, "{} has the key \"{}\" twice", what_, cut(name, kShown));
    keys_.back() = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*elements*/) override { return open(Json::Array()); }
  bool end_array() override { return close(); }
  /// In words of its own: nlohmann-json's have the bytes that it read last, which need not be UTF-8.
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    fail(LARS_ERR_FORMAT, "{} is not JSON: it goes wrong, or ends too early, at byte {}", what_, position);
  }

 private:
  bool open(Json container) {
    if (open_.size() == kMaxDepth) fail(LARS_ERR_FORMAT, "{} nests deeper than {} levels", what_, kMaxDepth);
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json complete = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(complete));
  }
  bool add(Json value) {
    if (++values_ > most_values_) {
      fail(LARS_ERR_FORMAT, "{} has more than {} values; no checkpoint of these parameters has", what_,
           most_values_);
    }
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* list = open_.back().get<Json::Array>()) {
      list->push_back(std::move(value));
    } else {
      open_.back().get<Json::Object>()->emplace(std::move(keys_.back()), std::move(value));
    }
    return true;
  }

  std::string_view what_;
  std::uint64_t most_values_;
  std::uint64_t values_ = 0;  // complete ones
  Json root_;
  std::vector<Json> open_;         // the containers around what is read next
  std::vector<std::string> keys_;  // of each, that of the member which is read next
};

/// The content is UTF-8: names are checked where parameters are added, and so is JSON that was read.
void append_escaped(std::string& text, const std::string& content) { text += nlohmann::json(content).dump(); }

template <class Number>
Number number_of(const Json& json) {
  const std::string& text = string_of(json);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail(LARS_ERR_FORMAT, "\"{}\" is not a number", cut(text, kShown));
  }
  return number;
}

template <class Type>
const Type& expect(const Json& value, const char* expected) {
  const auto* found = value.get<Type>();
  if (found == nullptr) fail(LARS_ERR_FORMAT, "{} is expected, not {}", expected, value.kind());
  return *found;
}

}  // namespace

const char* Json::kind() const {
  struct Kind {
    const char* operator()(const Null& /*value*/) const { return "null"; }
    const char* operator()(bool /*value*/) const { return "true or false"; }
    const char* operator()(std::uint64_t /*value*/) const { return "a natural number"; }
    const char* operator()(OtherNumber /*value*/) const { return "a number"; }
    const char* operator()(const std::string& /*value*/) const { return "text"; }
    const char* operator()(const Array& /*value*/) const { return "a list"; }
    const char* operator()(const Object& /*value*/) const { return "an object"; }
  };
  return std::visit(Kind{}, value_);
}

std::uint64_t Json::count() const {
  std::uint64_t values = 1;
  if (const auto* list = get<Array>()) {
    for (const Json& element : *list) values += element.count();
  } else if (const auto* object = get<Object>()) {
    for (const auto& [name, value] : *object) values += value.count();
  }
  return values;
}

std::string Json::dump() const {
  std::string text;
  append_to(text);
  return text;
}

void Json::append_to(std::string& text) const {
  if (const auto* list = get<Array>()) {
    text += '[';
    for (const Json& element : *list) {
      if (&element != list->data()) text += ',';
      element.append_to(text);
    }
    text += ']';
  } else if (const auto* object = get<Object>()) {
    char separator = '{';
    for (const auto& [name, value] : *object) {
      text += separator;
      append_escaped(text, name);
      text += ':';
      value.append_to(text);
      separator = ',';
    }
    text += object->empty() ? "{}" : "}";
  } else if (const auto* string = get<std::string>()) {
    append_escaped(text, *string);
  } else if (const auto* number = get<std::uint64_t>()) {
    text += formatted("{}", *number);
  } else if (const auto* flag = get<bool>()) {
    text += *flag ? "true" : "false";
  } else {
    text += "null";
  }
}

Json parse_json(std::string_view text, std::string_view what, std::uint64_t most_values) {
  // Both are passed over by nlohmann-json: all that follows a NUL, and a byte order mark.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) fail(LARS_ERR_FORMAT, "{} is not JSON: byte {} is NUL", what, nul);
  if (text.starts_with("\xEF\xBB\xBF")) {
    fail(LARS_ERR_FORMAT, "{} is not JSON: it begins with a byte order mark", what);
  }
  Builder builder(what, most_values);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

const Json* find_member(const Json& object, std::string_view key) {
  const auto* members = object.get<Json::Object>();
  if (members == nullptr) return nullptr;
  const auto found = members->find(key);
  return found == members->end() ? nullptr : &found->second;
}

const Json& member(const Json& object, std::string_view key) {
  if (object.get<Json::Object>() == nullptr) {
    fail(LARS_ERR_FORMAT, "an object with \"{}\" is expected, not {}", key, object.kind());
  }
  const Json* found = find_member(object, key);
  if (found == nullptr) fail(LARS_ERR_FORMAT, "\"{}\" is missing", key);
  return *found;
}

const Json::Array& list_of(const Json& value) { return expect<Json::Array>(value, "a list"); }

bool bool_of(const Json& value) { return expect<bool>(value, "true or false"); }

const std::string& string_of(const Json& value) { return expect<std::string>(value, "text"); }

std::string text_of(double value) { return formatted("{}", value); }

/// Whatever the host's rounding mode, on which some implementations of from_chars depend.
double double_of(const Json& text) {
  const int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  double number = 0.0;
  try {
    number = number_of<double>(text);
  } catch (...) {
    std::fesetround(mode);
    throw;
  }
  std::fesetround(mode);
  return number;
}

std::uint64_t unsigned_of(const Json& text) { return number_of<std::uint64_t>(text); }

}  // namespace lars
