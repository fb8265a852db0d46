/**
 * @file
 * lars.h for C++17 and later, header-only: layer-wise adaptive rate scaling (LARS) with RAII, views and
 * either exceptions (lars::Optimizer) or results (lars::nothrow::Optimizer, also for -fno-exceptions).
 *
 * @code
 *     lars::Optimizer optimizer;
 *     optimizer.add_parameter("dense.weight", lars::Type::f32, {784, 10});
 *     optimizer.add_parameter("dense.bias", lars::Type::f32, {10});
 *     optimizer.set(lars::Key::learning_rate, 0.1);
 *     optimizer.set("*.bias", lars::Key::trust_ratio_mask, 0);
 *     optimizer.step({weight, bias}, {weight_gradient, bias_gradient});  // std::vector<float> and the like
 * @endcode
 *
 * Every function does what its namesake of lars.h does; documentation of arguments, errors and threads is
 * there. Arrays that calls take are views: borrowed for the call. Nothing here computes anything: lengths and
 * types are checked by lars_check_arrays.
 */
#ifndef LARS_LARS_HPP
#define LARS_LARS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/callbacks.hpp"
#include "cpp/errors.hpp"
#include "cpp/keys.hpp"
#include "cpp/schedule.hpp"
#include "cpp/views.hpp"
#include "lars.h"

namespace lars {

/// "0.1.0", of the library that runs.
inline std::string_view version() noexcept { return lars_version_string(); }

/// An optimizer: parameters, their hyper-parameters and their momentum. Movable, not copyable. Calls on one
/// object exclude each other (Status::busy).
template <class Errors>
class BasicOptimizer {
 public:
  template <class T>
  using Returned = typename Errors::template Returned<T>;
  using Schedule = BasicSchedule<Errors>;
  using Tensors = Span<const Tensor>;
  using ConstTensors = Span<const ConstTensor>;

  /// In the style without exceptions, an optimizer for which there was no memory is one whose calls all
  /// return Status::argument.
  BasicOptimizer() {
    lars_optimizer* made = nullptr;
    const std::int32_t status = lars_create(&made);
    handle_.reset(made);
    if (status < 0) static_cast<void>(Errors::template fail<double>(Status{status}, "out of memory"));
  }

  // ---- Parameters

  /// Its index.
  Returned<std::uint32_t> add_parameter(const char* name, Type type, Span<const std::int64_t> shape) {
    std::uint32_t index = 0;
    const std::int32_t status = lars_add_parameter(
        get(), name, number(type), static_cast<std::uint32_t>(shape.size()), shape.data(), &index);
    return done(status, index);
  }
  Returned<std::uint32_t> add_parameter(const std::string& name, Type type, Span<const std::int64_t> shape) {
    return add_parameter(name.c_str(), type, shape);
  }
  [[nodiscard]] Returned<std::uint32_t> parameter_count() const {
    std::uint32_t count = 0;
    const std::int32_t status = lars_parameter_count(get(), &count);
    return done(status, count);
  }
  [[nodiscard]] Returned<std::uint32_t> parameter_index(const std::string& name) const {
    std::uint32_t index = 0;
    const std::int32_t status = lars_parameter_index(get(), name.c_str(), &index);
    return done(status, index);
  }
  [[nodiscard]] Returned<Parameter> parameter(std::uint32_t index) const {
    const char* name = "";
    std::int32_t type = LARS_F32;
    std::uint32_t ndim = 0;
    const std::int64_t* shape = nullptr;
    const std::int32_t status = lars_parameter_info(get(), index, &name, &type, &ndim, &shape);
    return done(status, Parameter{index, name, static_cast<Type>(type), {shape, ndim}});
  }
  Returned<void> set_gradient_type(Type type) { return set_gradient_type(All(), type); }
  Returned<void> set_gradient_type(Selector selector, Type type) {
    return done(lars_set_gradient_dtype(get(), selector.glob, number(type)));
  }
  [[nodiscard]] Returned<Type> gradient_type(std::uint32_t index) const {
    std::int32_t type = LARS_F32;
    const std::int32_t status = lars_gradient_dtype(get(), index, &type);
    return done(status, static_cast<Type>(type));
  }

  // ---- Hyper-parameters: of all parameters, of those whose name matches a glob, or of those for which a
  // predicate on lars::Parameter holds

  Returned<void> set(Key key, double value) { return set(All(), key, value); }
  Returned<void> set(Selector selector, Key key, double value) {
    return done(lars_set(get(), selector.glob, number(key), value));
  }
  Returned<void> set(Key key, const Schedule& schedule) { return set(All(), key, schedule); }
  Returned<void> set(Selector selector, Key key, const Schedule& schedule) {
    keep(schedule);
    return done(lars_set_schedule(get(), selector.glob, number(key), schedule.get()));
  }
  template <class Predicate>
  Returned<void> set_if(const Predicate& predicate, Key key, double value) {
    return done(lars_set_if(get(), call_predicate<Predicate>, user_of(predicate), number(key), value));
  }
  template <class Predicate>
  Returned<void> set_if(const Predicate& predicate, Key key, const Schedule& schedule) {
    keep(schedule);
    return done(lars_set_schedule_if(get(), call_predicate<Predicate>, user_of(predicate), number(key),
                                     schedule.get()));
  }
  /// The value that the parameter's next step will use.
  [[nodiscard]] Returned<double> get(std::uint32_t index, Key key) const {
    double value = 0.0;
    const std::int32_t status = lars_get(get(), index, number(key), &value);
    return done(status, value);
  }
  Returned<void> set_variant(Variant variant) { return done(lars_set_variant(get(), number(variant))); }
  Returned<void> set_mlperf_resnet50(std::uint64_t batch, std::uint64_t steps_per_epoch) {
    return done(lars_set_mlperf_resnet50(get(), batch, steps_per_epoch));
  }
  Returned<void> set_gradient_clip(double max_norm) { return done(lars_set_gradient_clip(get(), max_norm)); }
  Returned<void> set_nonfinite_policy(NonfinitePolicy policy) {
    return done(lars_set_nonfinite_policy(get(), number(policy)));
  }
  Returned<void> set_max_consecutive_skips(std::uint64_t most) {
    return done(lars_set_max_consecutive_skips(get(), most));
  }

  // ---- What steps run on

  Returned<void> set_kernels(const std::string& kernels) {
    return done(lars_set_kernels(get(), kernels.c_str()));
  }
  [[nodiscard]] std::string_view kernels() const noexcept { return lars_kernels(get()); }
  Returned<void> set_threads(std::uint32_t threads) { return done(lars_set_threads(get(), threads)); }
  [[nodiscard]] Returned<std::uint32_t> threads() const {
    std::uint32_t threads = 0;
    const std::int32_t status = lars_threads(get(), &threads);
    return done(status, threads);
  }
  /// run(count, task) calls task(i) for each i below count, on the host's own threads.
  Returned<void> set_parallel_for(ParallelFor run, std::uint32_t threads = 0) {
    auto kept = std::make_unique<ParallelFor>(std::move(run));
    const std::int32_t status = lars_set_parallel_for(get(), call_parallel_for, kept.get(), threads);
    if (status >= 0) parallel_for_ = std::move(kept);
    return done(status);
  }

  // ---- Steps. True if the step was taken, false if NonfinitePolicy::skip skipped it

  Returned<bool> step(Tensors parameters, ConstTensors gradients) {
    if (!check(LARS_ROLE_PARAMETER, parameters, first_) || !check(LARS_ROLE_GRADIENT, gradients, second_))
      return failed<bool>();
    return stepped(lars_step(get(), first_.data(), second_.data()));
  }
  Returned<bool> step_flat(Tensor parameters, ConstTensor gradients) {
    if (!check_flat(LARS_ROLE_PARAMETER, parameters) || !check_flat(LARS_ROLE_GRADIENT, gradients))
      return failed<bool>();
    return stepped(lars_step_flat(get(), parameters.data(), gradients.data()));
  }
  Returned<bool> step_parameter(std::uint32_t index, Tensor parameter, ConstTensor gradient) {
    if (!check_one(LARS_ROLE_PARAMETER, index, parameter) || !check_one(LARS_ROLE_GRADIENT, index, gradient))
      return failed<bool>();
    return stepped(lars_step_parameter(get(), index, parameter.data(), gradient.data()));
  }
  Returned<bool> update(ConstTensors parameters, ConstTensors gradients, Tensors updates) {
    if (!check(LARS_ROLE_PARAMETER, parameters, third_) || !check(LARS_ROLE_GRADIENT, gradients, second_) ||
        !check(LARS_ROLE_PARAMETER, updates, first_))
      return failed<bool>();
    return stepped(lars_update(get(), third_.data(), second_.data(), first_.data()));
  }
  /// masters: none, if no parameter is F16 or BF16.
  Returned<bool> step_external(Tensors parameters, ConstTensors gradients, Tensors momentum,
                               Tensors masters = {}) {
    if (!check(LARS_ROLE_PARAMETER, parameters, first_) || !check(LARS_ROLE_GRADIENT, gradients, second_) ||
        !check(LARS_ROLE_MOMENTUM, momentum, momentum_) ||
        (!masters.empty() && !check(LARS_ROLE_MASTER, masters, masters_)))
      return failed<bool>();
    return stepped(lars_step_external(get(), first_.data(), second_.data(), momentum_.data(),
                                      masters.empty() ? nullptr : masters_.data()));
  }
  Returned<bool> update_external(ConstTensors parameters, ConstTensors gradients, Tensors momentum,
                                 Tensors updates) {
    if (!check(LARS_ROLE_PARAMETER, parameters, third_) || !check(LARS_ROLE_GRADIENT, gradients, second_) ||
        !check(LARS_ROLE_MOMENTUM, momentum, momentum_) || !check(LARS_ROLE_PARAMETER, updates, first_))
      return failed<bool>();
    return stepped(
        lars_update_external(get(), third_.data(), second_.data(), momentum_.data(), first_.data()));
  }

  // ---- Accumulation

  Returned<void> set_accumulation(std::uint32_t micro_batches) {
    return done(lars_set_accumulation(get(), micro_batches));
  }
  Returned<void> accumulate(ConstTensors parameters, ConstTensors gradients) {
    if (!check(LARS_ROLE_PARAMETER, parameters, third_) || !check(LARS_ROLE_GRADIENT, gradients, second_))
      return failed<void>();
    return done(lars_accumulate(get(), third_.data(), second_.data()));
  }
  /// The parameters are needed only by the call that completes a batch.
  Returned<void> accumulate(ConstTensors gradients) {
    if (!check(LARS_ROLE_GRADIENT, gradients, second_)) return failed<void>();
    return done(lars_accumulate(get(), nullptr, second_.data()));
  }
  Returned<bool> step_accumulated(Tensors parameters) {
    if (!check(LARS_ROLE_PARAMETER, parameters, first_)) return failed<bool>();
    return stepped(lars_step_accumulated(get(), first_.data()));
  }
  Returned<void> discard_accumulated() { return done(lars_discard_accumulated(get())); }
  [[nodiscard]] Returned<Accumulated> accumulated() const {
    Accumulated found;
    const std::int32_t status = lars_accumulated(get(), &found.accumulated, &found.micro_batches);
    return done(status, found);
  }
  Returned<void> set_carry_norms(bool carry) { return done(lars_set_carry_norms(get(), carry ? 1 : 0)); }
  Returned<void> parameters_changed() { return done(lars_parameters_changed(get())); }

  // ---- What the steps did

  [[nodiscard]] Returned<std::uint64_t> step_count() const {
    std::uint64_t steps = 0;
    const std::int32_t status = lars_step_count(get(), &steps);
    return done(status, steps);
  }
  [[nodiscard]] Returned<std::uint64_t> step_count(std::uint32_t index) const {
    std::uint64_t steps = 0;
    const std::int32_t status = lars_parameter_step_count(get(), index, &steps);
    return done(status, steps);
  }
  Returned<void> set_step_count(std::uint32_t index, std::uint64_t steps) {
    return done(lars_set_parameter_step_count(get(), index, steps));
  }
  [[nodiscard]] Returned<Norms> norms(std::uint32_t index) const {
    Norms found;
    const std::int32_t status =
        lars_norms(get(), index, &found.weight_norm, &found.update_norm, &found.trust_ratio);
    return done(status, found);
  }
  [[nodiscard]] Returned<Skips> skip_count() const {
    Skips found;
    const std::int32_t status = lars_skip_count(get(), &found.consecutive, &found.total);
    return done(status, found);
  }
  [[nodiscard]] Returned<Nonfinite> nonfinite() const {
    Nonfinite found;
    const std::int32_t status =
        lars_nonfinite(get(), &found.index, &found.parameter_elements, &found.gradient_elements);
    return done(status, found);
  }
  /// One quantity of every parameter's last step.
  [[nodiscard]] Returned<std::vector<double>> telemetry(Telemetry quantity) const {
    std::uint32_t count = 0;
    std::int32_t status = lars_parameter_count(get(), &count);
    std::vector<double> values(count + std::size_t{1});  // data() is not NULL even if there are none
    if (status >= 0) status = lars_telemetry(get(), number(quantity), values.data());
    values.resize(count);
    return done(status, std::move(values));
  }
  Returned<void> set_gradient_norms(bool wanted) {
    return done(lars_set_gradient_norms(get(), wanted ? 1 : 0));
  }
  /// Called after every step; an empty function: nobody.
  Returned<void> set_observer(Observer observer) {
    auto kept = observer ? std::make_unique<Observer>(std::move(observer)) : nullptr;
    const std::int32_t status =
        lars_set_observer(get(), kept != nullptr ? call_observer : nullptr, kept.get());
    if (status >= 0) observer_ = std::move(kept);
    return done(status);
  }

  // ---- Checkpoints

  Returned<void> save(const std::string& path) const { return done(lars_save(get(), path.c_str())); }
  Returned<void> load(const std::string& path) { return done(lars_load(get(), path.c_str())); }
  [[nodiscard]] Returned<std::vector<std::byte>> save() const {
    std::uint64_t bytes = 0;
    std::int32_t status = lars_save_size(get(), &bytes);
    std::vector<std::byte> checkpoint(static_cast<std::size_t>(bytes));
    if (status >= 0) status = lars_save_to(get(), checkpoint.data(), bytes);
    return done(status, std::move(checkpoint));
  }
  Returned<void> load(Span<const std::byte> checkpoint) {
    return done(lars_load_from(get(), checkpoint.data(), checkpoint.size()));
  }

  /// For lars.h. An optimizer that was moved from has none.
  [[nodiscard]] lars_optimizer* get() const noexcept { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(lars_optimizer* handle) const noexcept { lars_destroy(handle); }
  };

  template <class Choice>
  static std::int32_t number(Choice choice) noexcept {
    return static_cast<std::int32_t>(choice);
  }
  template <class Predicate>
  static void* user_of(const Predicate& predicate) noexcept {
    return const_cast<void*>(static_cast<const void*>(&predicate));
  }

  template <class Value>
  Returned<Value> done(std::int32_t status, Value value) const {
    if (status < 0) return Errors::template fail<Value>(Status{status}, lars_error_message(get()));
    return Errors::template succeed<Value>(Status{status}, std::move(value));
  }
  Returned<void> done(std::int32_t status) const {
    if (status < 0) return Errors::template fail<void>(Status{status}, lars_error_message(get()));
    return Errors::succeed(Status{status});
  }
  Returned<bool> stepped(std::int32_t status) { return done(status, status == LARS_OK); }
  template <class Value>
  Returned<Value> failed() const {
    return Errors::template fail<Value>(Status{check_status_}, lars_error_message(get()));
  }

  /// Checks the arrays, and takes them apart into the pointers that lars.h wants.
  template <class Pointer>
  bool check(std::int32_t role, Span<const BasicTensor<Pointer>> tensors, std::vector<Pointer>& pointers) {
    pointers.clear();
    types_.clear();
    elements_.clear();
    for (const BasicTensor<Pointer>& tensor : tensors) {
      pointers.push_back(tensor.data());
      types_.push_back(number(tensor.type()));
      elements_.push_back(tensor.elements());
    }
    check_status_ = lars_check_arrays(get(), role, static_cast<std::uint32_t>(tensors.size()), types_.data(),
                                      elements_.data());
    return check_status_ >= 0;
  }
  bool check_flat(std::int32_t role, ConstTensor tensor) {
    check_status_ = lars_check_flat(get(), role, number(tensor.type()), tensor.elements());
    return check_status_ >= 0;
  }
  bool check_one(std::int32_t role, std::uint32_t index, ConstTensor tensor) {
    check_status_ = lars_check_array(get(), role, index, number(tensor.type()), tensor.elements());
    return check_status_ >= 0;
  }

  /// Keeps the functions of a schedule as long as the optimizer lives.
  void keep(const Schedule& schedule) {
    for (const std::shared_ptr<void>& function : schedule.functions_) {
      if (std::find(functions_.begin(), functions_.end(), function) == functions_.end())
        functions_.push_back(function);
    }
  }

  // What the handle's callbacks point to is released after the handle.
  std::vector<std::shared_ptr<void>> functions_;
  std::unique_ptr<ParallelFor> parallel_for_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<lars_optimizer, Destroy> handle_;

  // Room for the arguments of calls, so that steps allocate nothing after the first.
  std::vector<void*> first_, momentum_, masters_;
  std::vector<const void*> second_, third_;
  std::vector<std::int32_t> types_;
  std::vector<std::uint64_t> elements_;
  std::int32_t check_status_ = LARS_OK;
};

#if LARS_CPP_EXCEPTIONS
using Schedule = BasicSchedule<ThrowErrors>;
using Optimizer = BasicOptimizer<ThrowErrors>;
#endif

/// The style without exceptions.
namespace nothrow {
using Schedule = BasicSchedule<ReturnErrors>;
using Optimizer = BasicOptimizer<ReturnErrors>;
}  // namespace nothrow

}  // namespace lars

#endif  // LARS_LARS_HPP
