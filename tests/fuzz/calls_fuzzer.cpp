// Random sequences of calls, on two handles at once: one with the widest vectors, one with the plain loops.
// Whatever the sequence, both answer the same and have the same bits; a call that fails changes nothing; what
// was set is what is got; and a handle that was saved and loaded into a new one goes on as before.
#include <array>
#include <string>
#include <utility>

#include "pair.h"

namespace {

using lars_fuzz::Buffer;
using lars_fuzz::Input;
using lars_fuzz::require;
using lars_fuzz::saved;
using lars_fuzz::Side;
using lars_fuzz::Tensor;

constexpr std::array<std::int32_t, 4> kTypes = {LARS_F32, LARS_F64, LARS_F16, LARS_BF16};
constexpr std::array<std::size_t, 6> kSizes = {0, 1, 7, 16, 33, 70};
constexpr std::size_t kMostTensors = 6;
constexpr int kMostCalls = 64;
constexpr int kUsualCalls = 12;
constexpr std::int32_t kLastKey = LARS_CLIP_VALUE;

class Sequence : lars_fuzz::Pair {
 public:
  /// closely: with looks at the state. Saving it takes longer than all else.
  Sequence(Input& input, int calls, bool closely) : input_(input), calls_(calls), closely_(closely) {}

  void run() {
    start();
    for (int i = 0; i < calls_ && !input_.empty(); ++i) call();
    if (closely_) resume();
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
                                      &S::set_small};
    const std::uint8_t next = input_.byte();
    checks_state_ = closely_ && next >= 224;
    (this->*kCalls[next % std::size(kCalls)])();
  }

  /// Most sequences begin with an optimizer that could step.
  void start() {
    const std::uint8_t choice = input_.byte();
    if (choice < 32) return;
    set_small();
    for (int i = 0; i < choice % 4; ++i) add_parameter();
  }

  // ---- Parameters

  void add_parameter() {
    const std::int32_t type = kTypes[input_.below(kTypes.size())];
    const std::size_t count = kSizes[input_.below(kSizes.size())];
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

  void set_type() {
    const std::int32_t type = kTypes[input_.below(kTypes.size())];
    const char* selector = some_selector();
    both([=](Side& x) { return lars_set_gradient_dtype(x.optimizer, selector, type); });
  }

  // ---- Hyper-parameters

  const char* some_selector() {
    constexpr std::array<const char*, 4> kSelectors = {nullptr, "*", "pa", "p?"};
    return kSelectors[input_.below(kSelectors.size())];
  }

  std::int32_t some_key() { return static_cast<std::int32_t>(input_.below(kLastKey + 2)); }

  void set() {
    const std::int32_t key = some_key();
    const double value = input_.number();
    const char* selector = some_selector();
    const std::int32_t status = both([=](Side& x) { return lars_set(x.optimizer, selector, key, value); });
    if (status == LARS_OK) expect_value(selector, key, value);
  }

  void set_small() {  // a run that can go on
    both([](Side& x) { return lars_set(x.optimizer, nullptr, LARS_LEARNING_RATE, 0.1); });
    expect_value(nullptr, LARS_LEARNING_RATE, 0.1);
  }

  void expect_value(const char* selector, std::int32_t key, double value) {
    const bool one = selector != nullptr && std::strcmp(selector, "pa") == 0;
    for (std::uint32_t i = 0; i < simd_.tensors.size(); ++i) {
      const char* name = nullptr;
      lars_parameter_info(simd_.optimizer, i, &name, nullptr, nullptr, nullptr);
      if (one && std::strcmp(name, "pa") != 0) continue;
      double got = NAN;
      require(lars_get(simd_.optimizer, i, key, &got) == LARS_OK && got == value, "what was set is got");
    }
  }

  void set_if() {
    const std::int32_t key = some_key();
    const double value = input_.number();
    std::int32_t answers = static_cast<std::int32_t>(input_.below(4));  // 2: fails; 3: every other
    const auto predicate = [](void* user, std::uint32_t index, const char*, std::int32_t, std::uint32_t,
                              const std::int64_t*) {
      const std::int32_t answer = *static_cast<std::int32_t*>(user);
      return answer == 3 ? static_cast<std::int32_t>(index % 2) : answer;
    };
    both([&](Side& x) { return lars_set_if(x.optimizer, predicate, &answers, key, value); });
  }

  void set_schedule() {
    const std::int32_t key = some_key();
    lars_schedule* schedule = lars_fuzz::some_schedule(input_);
    const char* selector = some_selector();
    const std::int32_t status =
        both([=](Side& x) { return lars_set_schedule(x.optimizer, selector, key, schedule); });
    if (status == LARS_OK && selector == nullptr) expect_schedule(key, schedule);
    lars_schedule_destroy(schedule);
  }

  void expect_schedule(std::int32_t key, const lars_schedule* schedule) {
    for (std::uint32_t i = 0; i < simd_.tensors.size(); ++i) {
      std::uint64_t steps = 0;
      double expected = 0.0;
      double got = 0.0;
      lars_parameter_step_count(simd_.optimizer, i, &steps);
      if (lars_schedule_value(schedule, steps, &expected) != LARS_OK) continue;
      const std::int32_t status = lars_get(simd_.optimizer, i, key, &got);
      require(status == LARS_ERR_VALUE || (status == LARS_OK && got == expected),
              "what was scheduled is got");
    }
  }

  void set_variant() {
    const auto variant = static_cast<std::int32_t>(input_.below(7));
    both([=](Side& x) { return lars_set_variant(x.optimizer, variant); });
  }

  void set_recipe() {
    const std::uint64_t batch = input_.byte() * std::uint64_t{300};
    const std::uint64_t steps_per_epoch = input_.below(4);
    both([=](Side& x) { return lars_set_mlperf_resnet50(x.optimizer, batch, steps_per_epoch); });
  }

  void set_clip() {
    const double max_norm = input_.number();
    both([=](Side& x) { return lars_set_gradient_clip(x.optimizer, max_norm); });
  }

  void set_policy() {
    const auto policy = static_cast<std::int32_t>(input_.below(4));
    propagated_ =
        propagated_ || policy == LARS_NONFINITE_PROPAGATE;  // which NaN a NaN is, may differ from now on
    both([=](Side& x) { return lars_set_nonfinite_policy(x.optimizer, policy); });
  }

  void set_option() {
    const std::uint32_t choice = input_.below(6);
    both([=](Side& x) {
      switch (choice) {
        case 0: return lars_set_carry_norms(x.optimizer, 1);
        case 1: return lars_set_carry_norms(x.optimizer, 0);
        case 2: return lars_set_gradient_norms(x.optimizer, 1);
        case 3: return lars_discard_accumulated(x.optimizer);
        case 4: return lars_set_max_consecutive_skips(x.optimizer, 2);
        default: return lars_set_observer(x.optimizer, observe, &x);
      }
    });
  }

  static void observe(void* user, std::int32_t status, std::uint64_t /*steps*/, std::uint32_t count,
                      std::uint32_t quantity_count, const double* const* quantities) {
    auto& side = *static_cast<Side*>(user);
    require(count == side.tensors.size() && status >= 0, "an observer is told of all parameters");
    double sum = 0.0;
    for (std::uint32_t i = 0; i < count; ++i) sum += quantities[quantity_count - 1][i];
    side.notified += sum >= 0.0 ? 1 : 1000000;
  }

  void change_kernels() {
    constexpr std::array<const char*, 6> kNames = {"auto",      "simd",      "simd/SSE2",
                                                   "simd/SSE4", "simd/AVX2", "simd/AVX3"};
    lars_set_kernels(simd_.optimizer, kNames[input_.below(kNames.size())]);  // not every machine has all
  }

  // ---- Steps

  void step() {
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
      Buffer parameters(71 * kMostTensors);
      Buffer gradients(71 * kMostTensors);
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
    if (propagated_ || !closely_) return;
    state_ = saved(reference_.optimizer);
    parameters_of_state_ = reference_.tensors.size();
  }

  void go_back() {
    if (state_.empty()) return;
    const std::int32_t status =
        both([this](Side& x) { return lars_load_from(x.optimizer, state_.data(), state_.size()); });
    if (parameters_of_state_ == reference_.tensors.size()) {
      require(status == LARS_OK, "a saved state loads");
      require(saved(simd_.optimizer) == state_ && saved(reference_.optimizer) == state_, "and is the same");
    } else {
      require(status == LARS_ERR_MISMATCH, "a state of fewer parameters is refused");
    }
  }

  /// The state of one side in a new handle with the other's kernels, which goes on as that side does.
  void resume() {
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
    const std::string state = saved(reference_.optimizer);
    require(lars_load_from(resumed.optimizer, state.data(), state.size()) == LARS_OK, "a saved state loads");
    require(saved(resumed.optimizer) == state, "and is the same");
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

  Input& input_;
  int calls_;
  bool closely_;
  std::string state_;
  std::size_t parameters_of_state_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint32_t choice = lars_fuzz::hash(data, size);
  Input input(data, size);
  Sequence(input, choice / 256 % 32 == 0 ? kMostCalls : kUsualCalls, choice % 256 == 0).run();
  return 0;
}
