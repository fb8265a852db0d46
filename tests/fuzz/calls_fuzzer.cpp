// Random sequences of calls, on two handles at once: one with the widest vectors, one with the plain loops.
// Whatever the sequence, both answer the same and have the same bits; a call that fails changes nothing; what
// was set is what is got; and a handle that was saved and loaded into a new one goes on as before.
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "settings.h"

namespace {

using lars_fuzz::Buffer;
using lars_fuzz::Input;
using lars_fuzz::kTypes;
using lars_fuzz::Manner;
using lars_fuzz::require;
using lars_fuzz::saved;
using lars_fuzz::Settings;
using lars_fuzz::Side;
using lars_fuzz::Tensor;

constexpr std::size_t kMostTensors = 6;

class Sequence : Settings {
 public:
  Sequence(Input& input, const Manner& manner) : Settings(input), manner_(manner) {
    closely_ = manner.closely;
  }

  void run() {
    start();
    for (int i = 0; i < manner_.calls && !input_.empty(); ++i) call();
    if (manner_.resumes) resume();
  }

 private:
  void call() {
    using Call = void (Sequence::*)();
    using S = Sequence;
    static constexpr Call kCalls[] = {&S::add_parameter,
                                      &S::add_parameter,
                                      &S::set,
                                      &S::set,
                                      &S::set_if,
                                      &S::set_schedule,
                                      &S::draw,
                                      &S::draw,
                                      &S::step,
                                      &S::step,
                                      &S::step,
                                      &S::step_flat,
                                      &S::step_parameter,
                                      &S::update,
                                      &S::accumulate,
                                      &S::accumulate,
                                      &S::step_accumulated,
                                      &S::set_accumulation,
                                      &S::set_variant,
                                      &S::set_recipe,
                                      &S::set_clip,
                                      &S::set_policy,
                                      &S::set_option,
                                      &S::set_type,
                                      &S::change_parameter,
                                      &S::read,
                                      &S::keep_state,
                                      &S::go_back,
                                      &S::change_kernels,
                                      &S::set_small,
                                      &S::set_callback,
                                      &S::set_threads,
                                      &S::set_pool,
                                      &S::set_step_count,
                                      &S::step_external,
                                      &S::update_external,
                                      &S::check_arrays,
                                      &S::save_and_load};
    (this->*kCalls[input_.byte() % std::size(kCalls)])();
  }

  /// Most sequences begin with an optimizer that could step.
  void start() {
    const std::uint8_t choice = input_.byte();
    if (choice < 32) return;
    set_small();
    for (int i = 0; i < choice % 4; ++i) add_parameter();
    externally_ = choice % 32 == 31;
  }

  // ---- Parameters

  void add_parameter() {
    const std::int32_t type = kTypes[input_.below(kTypes.size())];
    const std::array<std::size_t, 6> sizes = {0, 1, 7, 16, manner_.many[0], manner_.many[1]};
    const std::size_t count = sizes[input_.below(sizes.size())];
    if (simd_.tensors.size() == kMostTensors) return;
    const std::string name = std::string("p") + static_cast<char>('a' + input_.below(8));
    const auto extent = static_cast<std::int64_t>(count);
    const std::int32_t status = both(
        [&](Side& x) { return lars_add_parameter(x.optimizer, name.c_str(), type, 1, &extent, nullptr); });
    if (status == LARS_OK) add_tensor(type, count);
  }

  std::uint32_t some_tensor() { return input_.below(static_cast<std::uint32_t>(simd_.tensors.size())); }

  void draw() {
    if (simd_.tensors.empty()) return;
    const std::uint32_t index = some_tensor();
    fill(index, NAN, input_.number());
  }

  void change_parameter() {
    if (simd_.tensors.empty()) return;
    const std::uint32_t index = some_tensor();
    const double value = input_.number();
    fill(index, std::isnan(value) ? 0.5 : value, 0.1);
    both([](Side& x) { return lars_parameters_changed(x.optimizer); });
  }

  // ---- Steps

  void step() {
    if (externally_) return step_external();
    both([](Side& x) { return lars_step(x.optimizer, x.parameters.data(), x.gradients.data()); });
  }

  /// All tensors end to end in memory of their own, and back.
  void step_flat() {
    std::vector<std::int32_t> types;
    for (std::uint32_t i = 0; i < simd_.tensors.size(); ++i) {
      types.push_back(0);
      lars_gradient_dtype(simd_.optimizer, i, &types.back());
    }
    both([](Side& x) { return lars_parameters_changed(x.optimizer); });
    both([&](Side& x) {
      std::size_t elements = 1;
      for (const Tensor& tensor : x.tensors) elements += tensor.count;
      Buffer parameters(elements);
      Buffer gradients(elements);
      unsigned char* parameter = parameters.bytes();
      unsigned char* gradient = gradients.bytes();
      for (std::size_t i = 0; i < x.tensors.size(); ++i) {
        const Tensor& tensor = x.tensors[i];
        const std::size_t size = tensor.count * lars_fuzz::size_of_type(tensor.type);
        const std::size_t gradient_size = tensor.count * lars_fuzz::size_of_type(types[i]);
        std::memcpy(parameter, tensor.parameter.bytes(), size);
        std::memcpy(gradient, tensor.gradient.bytes(), gradient_size);
        parameter += size;
        gradient += gradient_size;
      }
      const std::int32_t status = lars_step_flat(x.optimizer, parameters.bytes(), gradients.bytes());
      parameter = parameters.bytes();
      for (Tensor& tensor : x.tensors) {
        const std::size_t size = tensor.count * lars_fuzz::size_of_type(tensor.type);
        std::memcpy(tensor.parameter.bytes(), parameter, size);
        parameter += size;
      }
      return status;
    });
    both([](Side& x) { return lars_parameters_changed(x.optimizer); });
  }

  void step_parameter() {
    const std::uint32_t index = input_.below(kMostTensors);
    both([=](Side& x) {
      const bool known = index < x.tensors.size();
      return lars_step_parameter(x.optimizer, index, known ? x.parameters[index] : nullptr,
                                 known ? x.gradients[index] : nullptr);
    });
  }

  void update() {
    both([](Side& x) {
      return lars_update(x.optimizer, x.parameters.data(), x.gradients.data(), x.updates.data());
    });
  }

  void step_external() {
    both([](Side& x) {
      return lars_step_external(x.optimizer, x.parameters.data(), x.gradients.data(), x.momentum.data(),
                                x.masters.data());
    });
  }

  void update_external() {
    both([](Side& x) {
      return lars_update_external(x.optimizer, x.parameters.data(), x.gradients.data(), x.momentum.data(),
                                  x.updates.data());
    });
  }

  void accumulate() {
    both([](Side& x) { return lars_accumulate(x.optimizer, x.parameters.data(), x.gradients.data()); });
  }

  void step_accumulated() {
    both([](Side& x) { return lars_step_accumulated(x.optimizer, x.parameters.data()); });
  }

  void set_accumulation() {
    const std::uint32_t micro_batches = input_.below(4);
    both([=](Side& x) { return lars_set_accumulation(x.optimizer, micro_batches); });
  }

  void set_step_count() {
    constexpr std::array<std::uint64_t, 4> kSteps = {0, 3, std::uint64_t{1} << 60, UINT64_MAX};
    const std::uint32_t index = input_.below(kMostTensors);
    const std::uint64_t steps = kSteps[input_.below(kSteps.size())];
    both([=](Side& x) { return lars_set_parameter_step_count(x.optimizer, index, steps); });
  }

  // ---- Arrays

  /// Arrays as they are pass; with one element too many, or called another type, they do not.
  void check_arrays() {
    const auto role = static_cast<std::int32_t>(input_.below(LARS_ROLE_MASTER + 2));
    const std::uint32_t index = input_.below(kMostTensors);
    const bool right = input_.below(2) == 0 && role <= LARS_ROLE_MASTER;
    both([=](Side& x) {
      std::vector<std::int32_t> types;
      std::vector<std::uint64_t> elements;
      std::uint64_t sum = 0;
      for (std::uint32_t i = 0; i < x.tensors.size(); ++i) {
        types.push_back(type_in_role(x, i, role));
        const bool none = role == LARS_ROLE_MASTER && types.back() != LARS_F32 && types.back() != LARS_I16;
        elements.push_back(none ? 0 : x.tensors[i].count + (right ? 0 : 1));
        sum += elements.back();
      }
      const auto count = static_cast<std::uint32_t>(types.size());
      const std::int32_t type = count == 0 ? LARS_F32 : types[index % count];
      lars_check_flat(x.optimizer, role, type, sum);
      if (count != 0) lars_check_array(x.optimizer, role, index, type, elements[index % count]);
      const std::int32_t status = lars_check_arrays(x.optimizer, role, count, types.data(), elements.data());
      require(!right || role == LARS_ROLE_MASTER || status == LARS_OK, "arrays that fit pass");
      return status;
    });
  }
  static std::int32_t type_in_role(const Side& x, std::uint32_t index, std::int32_t role) {
    const std::int32_t type = x.tensors[index].type;
    std::int32_t gradient = 0;
    lars_gradient_dtype(x.optimizer, index, &gradient);
    switch (role) {
      case LARS_ROLE_PARAMETER: return type;
      case LARS_ROLE_GRADIENT: return gradient;
      case LARS_ROLE_MOMENTUM: return type == LARS_F64 ? LARS_F64 : LARS_F32;
      default: return type == LARS_F16 ? LARS_F32 : type == LARS_BF16 ? LARS_I16 : type;
    }
  }

  // ---- What the steps did

  /// Both sides tell the same.
  void read() {
    std::array<std::array<double, kMostTensors>, 2> values = {};
    const auto quantity = static_cast<std::int32_t>(input_.below(LARS_TELEMETRY_SKIPPED_SHARE + 2));
    both([&](Side& x) { return lars_telemetry(x.optimizer, quantity, values[&x == &simd_ ? 0 : 1].data()); });
    for (std::size_t i = 0; i < kMostTensors; ++i) {
      require(values[0][i] == values[1][i] || (std::isnan(values[0][i]) && std::isnan(values[1][i])),
              "both have the same telemetry");
    }
    std::array<std::array<std::uint64_t, 4>, 2> counts = {};
    both([&](Side& x) {
      std::array<std::uint64_t, 4>& found = counts[&x == &simd_ ? 0 : 1];
      std::uint32_t index = 0;
      lars_skip_count(x.optimizer, &found[0], &found[1]);
      const std::int32_t status = lars_nonfinite(x.optimizer, &index, &found[2], &found[3]);
      found[0] += std::uint64_t{index} << 32;
      return status;
    });
    require(counts[0] == counts[1], "both count alike");
  }

  // ---- Checkpoints

  void keep_state() {
    if (propagated_ || callbacks_) return;
    state_ = state_of(reference_);
    parameters_of_state_ = reference_.tensors.size();
  }

  void go_back() {
    if (state_.empty()) return;
    const std::int32_t status =
        both([this](Side& x) { return lars_load_from(x.optimizer, state_.data(), state_.size()); });
    if (parameters_of_state_ == reference_.tensors.size()) {
      require(status == LARS_OK, "a saved state loads");
      require_same(state_of(closely_ ? simd_ : reference_), state_, "and is the same");  // both show the same
    } else {
      require(status == LARS_ERR_MISMATCH, "a state of fewer parameters is refused");
    }
  }

  /// To a file and back, or to a folder that is not there.
  void save_and_load() {
    const std::string folder = manner_.files ? scratch() : scratch() + "/none";
    const std::string path = folder + "/checkpoint";
    const std::int32_t status = both([&](Side& x) { return lars_save(x.optimizer, path.c_str()); });
    if (!manner_.files) require(status < 0, "nothing is saved where no folder is");
    if (status < 0) return;
    std::ifstream file(path, std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    require_same(content, state_of(reference_), "a file holds what memory would");
    const std::int32_t loaded = both([&](Side& x) { return lars_load(x.optimizer, path.c_str()); });
    require(loaded == LARS_OK, "what is saved loads");
  }

  /// A folder of this process.
  static const std::string& scratch() {
    struct Folder {
      std::string path =
          (std::filesystem::temp_directory_path() / ("lars-fuzz-" + std::to_string(getpid()))).string();
      Folder() { std::filesystem::create_directories(path); }
      ~Folder() { std::filesystem::remove_all(path); }
      Folder(const Folder&) = delete;
      Folder& operator=(const Folder&) = delete;
      Folder(Folder&&) = delete;
      Folder& operator=(Folder&&) = delete;
    };
    static const Folder kFolder;
    return kFolder.path;
  }

  /// The state of one side in a new handle with the other's kernels, which goes on as that side does.
  void resume() {
    const std::string state = state_of(reference_);
    if (state.empty() || callbacks_) return;  // the caller has it, or part of it
    lars_set_parallel_for(reference_.optimizer, nullptr, nullptr, 0);
    Side resumed("auto");
    for (std::uint32_t i = 0; i < reference_.tensors.size(); ++i) {
      const char* name = nullptr;
      const std::int64_t* shape = nullptr;
      std::int32_t type = 0;
      lars_parameter_info(reference_.optimizer, i, &name, nullptr, nullptr, &shape);
      lars_gradient_dtype(reference_.optimizer, i, &type);
      require(lars_add_parameter(resumed.optimizer, name, reference_.tensors[i].type, 1, shape, nullptr) ==
                      LARS_OK &&
                  lars_set_gradient_dtype(resumed.optimizer, name, type) == LARS_OK,
              "a parameter is added again");
    }
    resumed.set_tensors(reference_.tensors);
    require(lars_load_from(resumed.optimizer, state.data(), state.size()) == LARS_OK, "a saved state loads");
    require_same(saved(resumed.optimizer), state, "and is the same");
    ++lars_fuzz::counts.resumes;
    for (int i = 0; i < 3; ++i) {
      for (const auto& next :
           {&Sequence::one_accumulate, &Sequence::one_step_accumulated, &Sequence::one_step}) {
        require(next(resumed) == next(reference_), "a resumed run answers as the one that went on");
        require(same_tensors(resumed, reference_), "and has its bits");
      }
    }
  }
  static std::int32_t one_accumulate(Side& x) {
    return lars_accumulate(x.optimizer, x.parameters.data(), x.gradients.data());
  }
  static std::int32_t one_step_accumulated(Side& x) {
    return lars_step_accumulated(x.optimizer, x.parameters.data());
  }
  static std::int32_t one_step(Side& x) {
    return lars_step(x.optimizer, x.parameters.data(), x.gradients.data());
  }

  Manner manner_;
  bool externally_ = false;  // steps go with a state of the caller's
  std::string state_;
  std::size_t parameters_of_state_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Sequence(input, Manner(lars_fuzz::hash(data, size))).run();
  lars_fuzz::counts.count_execution();
  return 0;
}
