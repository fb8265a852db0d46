// The words of tests/conformance/cases.json: numbers, types, predicates, schedules.
#pragma once

#include <cstddef>
#include <lars/lars.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lars_test {

using Json = nlohmann::json;

lars::Type type_of(const Json& word);
std::string word_of(lars::Type type);
std::string word_of(lars::NonfinitePolicy policy);
lars::Key key_of(const Json& word);
lars::Telemetry quantity_of(const Json& word);
lars::Variant variant_of(const Json& word);
lars::NonfinitePolicy policy_of(const Json& word);

/// A number, or "nan", "inf", "-inf".
double number(const Json& value);

/// A double as the 16 hexadecimal digits of its bits.
std::string bits_of(double value);
Json bits_of_all(lars::Span<const double> values);

/// Memory as hexadecimal digits.
std::vector<std::byte> bytes_of(const std::string& digits);
std::string digits_of(const std::vector<std::byte>& bytes);

bool selects(const Json& predicate, const lars::Parameter& parameter);
lars::Schedule schedule_of(const Json& spec);

}  // namespace lars_test
