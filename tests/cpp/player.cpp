#include "player.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace lars_test {
namespace {

/// A file that is gone with the call.
class TemporaryFile {
 public:
  TemporaryFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lars-XXXXXX").string();
    const int descriptor = mkstemp(pattern.data());
    if (descriptor < 0) throw std::runtime_error("no temporary file");
    std::fclose(fdopen(descriptor, "w"));
    path = pattern;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path;
};

}  // namespace

// ---- The player -----------------------------------------------------------------------------------------

Player::Player(const Json& arrays) {
  for (const auto& [name, array] : arrays.items())
    arrays_[name] = {type_of(array.at("dtype")), bytes_of(array.at("bytes").get<std::string>())};
}

std::map<std::string, std::string> Player::content() const {
  std::map<std::string, std::string> all;
  for (const auto& [name, memory] : arrays_) all[name] = digits_of(memory.bytes);
  return all;
}

Json Player::play(const Json& call) {
  const std::map<std::string, std::string> before = content();
  Json outcome = Json::object();
  try {
    const Json returned = (this->*calls().at(call.at("call").get<std::string>()))(call);
    if (!returned.is_null()) outcome["returns"] = returned;
  } catch (const lars::Error& error) {
    outcome["error"]["status"] = name_of(error.status());
    if (error.status() != lars::Status::callback) outcome["error"]["message"] = error.what();
  }
  for (const auto& [name, bytes] : content()) {
    if (bytes != before.at(name)) outcome["arrays"][name] = bytes;
  }
  return outcome;
}

std::vector<lars::Tensor> Player::tensors(const Json& call, const char* role) {
  std::vector<lars::Tensor> all;
  for (const Json& name : call.at(role)) all.push_back(arrays_.at(name.get<std::string>()).tensor());
  return all;
}

std::vector<lars::ConstTensor> Player::const_tensors(const Json& call, const char* role) {
  std::vector<lars::ConstTensor> all;
  for (const lars::Tensor& tensor : tensors(call, role)) all.emplace_back(tensor);
  return all;
}

// ---- The calls, in the order of lars.h ------------------------------------------------------------------

Json Player::start_again(const Json& /*call*/) {
  optimizer_ = lars::Optimizer();
  return {};
}

Json Player::add_parameter(const Json& call) {
  const auto shape = call.at("shape").get<std::vector<std::int64_t>>();
  return optimizer_.add_parameter(call.at("name").get<std::string>(), type_of(call.at("dtype")), shape);
}

Json Player::parameter(const Json& call) {
  const lars::Parameter found = optimizer_.parameter(call.at("index").get<std::uint32_t>());
  const std::vector<std::int64_t> shape(found.shape.begin(), found.shape.end());
  return {{"name", std::string(found.name)}, {"dtype", word_of(found.type)}, {"shape", shape}};
}

Json Player::parameter_count(const Json& /*call*/) { return optimizer_.parameter_count(); }

Json Player::parameter_index(const Json& call) {
  return optimizer_.parameter_index(call.at("name").get<std::string>());
}

Json Player::set_gradient_dtype(const Json& call) {
  const lars::Type type = type_of(call.at("dtype"));
  if (!call.contains("selector")) {
    optimizer_.set_gradient_type(type);
  } else {
    optimizer_.set_gradient_type(call.at("selector").get<std::string>(), type);
  }
  return {};
}

Json Player::gradient_dtype(const Json& call) {
  return word_of(optimizer_.gradient_type(call.at("index").get<std::uint32_t>()));
}

Json Player::set(const Json& call) {
  const lars::Key key = key_of(call.at("key"));
  const auto apply = [&](const auto& value) {
    if (call.contains("predicate")) {
      const Json& predicate = call.at("predicate");
      optimizer_.set_if([&](const lars::Parameter& one) { return selects(predicate, one); }, key, value);
    } else if (call.contains("selector")) {
      optimizer_.set(call.at("selector").get<std::string>(), key, value);
    } else {
      optimizer_.set(key, value);
    }
  };
  if (call.contains("schedule")) {
    apply(schedule_of(call.at("schedule")));
  } else {
    apply(number(call.at("value")));
  }
  return {};
}

Json Player::get(const Json& call) {
  return bits_of(optimizer_.get(call.at("index").get<std::uint32_t>(), key_of(call.at("key"))));
}

Json Player::set_variant(const Json& call) {
  optimizer_.set_variant(variant_of(call.at("variant")));
  return {};
}

Json Player::set_mlperf_resnet50(const Json& call) {
  optimizer_.set_mlperf_resnet50(call.at("batch").get<std::uint64_t>(),
                                 call.at("steps_per_epoch").get<std::uint64_t>());
  return {};
}

Json Player::set_gradient_clip(const Json& call) {
  optimizer_.set_gradient_clip(number(call.at("max_norm")));
  return {};
}

Json Player::gradient_clip(const Json& /*call*/) { return bits_of(optimizer_.gradient_clip()); }
Json Player::nonfinite_policy(const Json& /*call*/) { return word_of(optimizer_.nonfinite_policy()); }
Json Player::max_consecutive_skips(const Json& /*call*/) { return optimizer_.max_consecutive_skips(); }
Json Player::carry_norms(const Json& /*call*/) { return optimizer_.carry_norms(); }
Json Player::gradient_norms(const Json& /*call*/) { return optimizer_.gradient_norms(); }

Json Player::set_nonfinite_policy(const Json& call) {
  optimizer_.set_nonfinite_policy(policy_of(call.at("policy")));
  return {};
}

Json Player::set_max_consecutive_skips(const Json& call) {
  optimizer_.set_max_consecutive_skips(call.at("most").get<std::uint64_t>());
  return {};
}

Json Player::set_kernels(const Json& call) {
  optimizer_.set_kernels(call.at("kernels").get<std::string>());
  return {};
}

Json Player::kernels(const Json& /*call*/) { return std::string(optimizer_.kernels()); }

Json Player::set_threads(const Json& call) {
  optimizer_.set_threads(call.at("threads").get<std::uint32_t>());
  return {};
}

Json Player::step(const Json& call) {
  return optimizer_.step(tensors(call, "parameters"), const_tensors(call, "gradients"));
}

Json Player::step_flat(const Json& call) {
  return optimizer_.step_flat(arrays_.at(call.at("parameters").get<std::string>()).tensor(),
                              arrays_.at(call.at("gradients").get<std::string>()).tensor());
}

Json Player::step_parameter(const Json& call) {
  return optimizer_.step_parameter(call.at("index").get<std::uint32_t>(),
                                   arrays_.at(call.at("parameter").get<std::string>()).tensor(),
                                   arrays_.at(call.at("gradient").get<std::string>()).tensor());
}

Json Player::update(const Json& call) {
  return optimizer_.update(const_tensors(call, "parameters"), const_tensors(call, "gradients"),
                           tensors(call, "updates"));
}

Json Player::step_external(const Json& call) {
  const std::vector<lars::Tensor> masters =
      call.contains("masters") ? tensors(call, "masters") : std::vector<lars::Tensor>();
  return optimizer_.step_external(tensors(call, "parameters"), const_tensors(call, "gradients"),
                                  tensors(call, "momentum"), masters);
}

Json Player::update_external(const Json& call) {
  return optimizer_.update_external(const_tensors(call, "parameters"), const_tensors(call, "gradients"),
                                    tensors(call, "momentum"), tensors(call, "updates"));
}

Json Player::set_accumulation(const Json& call) {
  optimizer_.set_accumulation(call.at("micro_batches").get<std::uint32_t>());
  return {};
}

Json Player::accumulate(const Json& call) {
  if (call.contains("parameters")) {
    optimizer_.accumulate(const_tensors(call, "parameters"), const_tensors(call, "gradients"));
  } else {
    optimizer_.accumulate(const_tensors(call, "gradients"));
  }
  return {};
}

Json Player::step_accumulated(const Json& call) {
  return optimizer_.step_accumulated(tensors(call, "parameters"));
}

Json Player::discard_accumulated(const Json& /*call*/) {
  optimizer_.discard_accumulated();
  return {};
}

Json Player::accumulated(const Json& /*call*/) {
  const lars::Accumulated found = optimizer_.accumulated();
  return {found.accumulated, found.micro_batches};
}

Json Player::set_carry_norms(const Json& call) {
  optimizer_.set_carry_norms(call.at("carry").get<bool>());
  return {};
}

Json Player::parameters_changed(const Json& /*call*/) {
  optimizer_.parameters_changed();
  return {};
}

Json Player::step_count(const Json& call) {
  return call.contains("index") ? optimizer_.step_count(call.at("index").get<std::uint32_t>())
                                : optimizer_.step_count();
}

Json Player::set_step_count(const Json& call) {
  optimizer_.set_step_count(call.at("index").get<std::uint32_t>(), call.at("steps").get<std::uint64_t>());
  return {};
}

Json Player::norms(const Json& call) {
  const lars::Norms found = optimizer_.norms(call.at("index").get<std::uint32_t>());
  return {bits_of(found.weight_norm), bits_of(found.update_norm), bits_of(found.trust_ratio)};
}

Json Player::skip_count(const Json& /*call*/) {
  const lars::Skips found = optimizer_.skip_count();
  return {found.consecutive, found.total};
}

Json Player::nonfinite(const Json& /*call*/) {
  const lars::Nonfinite found = optimizer_.nonfinite();
  return {found.index, found.parameter_elements, found.gradient_elements};
}

Json Player::telemetry(const Json& call) {
  return bits_of_all(optimizer_.telemetry(quantity_of(call.at("quantity"))));
}

Json Player::set_gradient_norms(const Json& call) {
  optimizer_.set_gradient_norms(call.at("wanted").get<bool>());
  return {};
}

Json Player::observe(const Json& call) {
  if (!call.at("wanted").get<bool>()) {
    optimizer_.set_observer({});
    return {};
  }
  optimizer_.set_observer([this](const lars::StepReport& report) {
    reports_.push_back({report.skipped(), report.steps(), bits_of_all(report[lars::Telemetry::trust_ratio])});
  });
  return {};
}

Json Player::observed(const Json& /*call*/) { return std::exchange(reports_, Json::array()); }

Json Player::save(const Json& call) {
  std::vector<std::byte> checkpoint = optimizer_.save();
  const std::size_t size = checkpoint.size();
  checkpoints_[call.at("to").get<std::string>()] = std::move(checkpoint);
  return size;
}

Json Player::load(const Json& call) {
  if (call.contains("from")) {
    optimizer_.load(checkpoints_.at(call.at("from").get<std::string>()));
  } else {
    std::vector<std::byte> bytes = bytes_of(call.at("bytes").get<std::string>());
    bytes.reserve(1);  // data() of an empty one may be NULL, which is another mistake
    optimizer_.load(lars::Span<const std::byte>(bytes.data(), bytes.size()));
  }
  return {};
}

Json Player::save_and_load_file(const Json& /*call*/) {
  const TemporaryFile file;
  optimizer_.save(file.path);
  optimizer_.load(file.path);
  return {};
}

Json Player::load_file(const Json& call) {
  optimizer_.load(call.at("path").get<std::string>());
  return {};
}

Json Player::schedule_values(const Json& call) {
  const lars::Schedule schedule = schedule_of(call.at("schedule"));
  Json all = Json::array();
  for (const Json& step : call.at("steps")) all.push_back(bits_of(schedule.value(step.get<std::uint64_t>())));
  return all;
}

const std::map<std::string, Player::Call>& Player::calls() {
  static const std::map<std::string, Call> kCalls = {
      {"new", &Player::start_again},
      {"add_parameter", &Player::add_parameter},
      {"parameter", &Player::parameter},
      {"parameter_count", &Player::parameter_count},
      {"parameter_index", &Player::parameter_index},
      {"set_gradient_dtype", &Player::set_gradient_dtype},
      {"gradient_dtype", &Player::gradient_dtype},
      {"set", &Player::set},
      {"get", &Player::get},
      {"set_variant", &Player::set_variant},
      {"set_mlperf_resnet50", &Player::set_mlperf_resnet50},
      {"set_gradient_clip", &Player::set_gradient_clip},
      {"gradient_clip", &Player::gradient_clip},
      {"nonfinite_policy", &Player::nonfinite_policy},
      {"max_consecutive_skips", &Player::max_consecutive_skips},
      {"carry_norms", &Player::carry_norms},
      {"gradient_norms", &Player::gradient_norms},
      {"set_nonfinite_policy", &Player::set_nonfinite_policy},
      {"set_max_consecutive_skips", &Player::set_max_consecutive_skips},
      {"set_kernels", &Player::set_kernels},
      {"kernels", &Player::kernels},
      {"set_threads", &Player::set_threads},
      {"step", &Player::step},
      {"step_flat", &Player::step_flat},
      {"step_parameter", &Player::step_parameter},
      {"update", &Player::update},
      {"step_external", &Player::step_external},
      {"update_external", &Player::update_external},
      {"set_accumulation", &Player::set_accumulation},
      {"accumulate", &Player::accumulate},
      {"step_accumulated", &Player::step_accumulated},
      {"discard_accumulated", &Player::discard_accumulated},
      {"accumulated", &Player::accumulated},
      {"set_carry_norms", &Player::set_carry_norms},
      {"parameters_changed", &Player::parameters_changed},
      {"step_count", &Player::step_count},
      {"set_step_count", &Player::set_step_count},
      {"norms", &Player::norms},
      {"skip_count", &Player::skip_count},
      {"nonfinite", &Player::nonfinite},
      {"telemetry", &Player::telemetry},
      {"set_gradient_norms", &Player::set_gradient_norms},
      {"observe", &Player::observe},
      {"observed", &Player::observed},
      {"save", &Player::save},
      {"load", &Player::load},
      {"save_and_load_file", &Player::save_and_load_file},
      {"load_file", &Player::load_file},
      {"schedule_values", &Player::schedule_values},
  };
  return kCalls;
}

}  // namespace lars_test
