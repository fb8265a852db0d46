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
 *     optimizer.set("*.bias", lars::Key::learning_rate, 0.01);
 *     optimizer.step({weight, bias}, {weight_gradient, bias_gradient});  // std::vector<float> and the like
 * @endcode
 *
 * Every function does what its namesake of lars.h does, where arguments, errors and threads are documented.
 * Arrays are views, borrowed for the call; lars_check_arrays checks their lengths and types.
 */
#ifndef LARS_LARS_HPP
#define LARS_LARS_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpp/callbacks.hpp"
#include "cpp/calls.hpp"
#include "cpp/errors.hpp"
#include "cpp/keys.hpp"
#include "cpp/schedule.hpp"
#include "cpp/text.hpp"
#include "cpp/views.hpp"
#include "lars.h"

namespace lars {
inline namespace cpp {

/// "0.1.0", of the library that runs.
inline std::string_view version() noexcept { return lars_version_string(); }

/// An optimizer: parameters, their hyper-parameters and their momentum. Movable, not copyable. Calls on one
/// object exclude each other: while one runs, any other returns Status::busy at once, also from within a
/// function that it calls. Moving and destroying are no calls: nothing else may run then.
template <class Errors>
class BasicOptimizer : private Calls<Errors> {
  using Base = Calls<Errors>;
  using Base::call, Base::give, Base::stepped, Base::with, Base::number;
  using Base::check_flat, Base::check_one, Base::check_status_;
  using Base::check_parameters, Base::check_gradients, Base::check_momentum, Base::check_masters;
  using Base::first_, Base::second_, Base::third_, Base::momentum_, Base::masters_;
  using Base::handle_, Base::observer_, Base::parallel_for_;

 public:
  template <class T>
  using Returned = typename Errors::template Returned<T>;
  using Schedule = BasicSchedule<Errors>;

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
  Returned<std::uint32_t> add_parameter(std::string_view name, Type type, const Shape& shape) {
    const Text text(name);
    std::uint32_t index = 0;
    return call(index, [&] {
      return with(text, LARS_ERR_NAME, "name holds a NUL; remove it", [&] {
        return lars_add_parameter(get(), text.c_str(), number(type), shape.size(), shape.data(), &index);
      });
    });
  }
  [[nodiscard]] Returned<std::uint32_t> parameter_count() const {
    return this->template read<std::uint32_t>(lars_parameter_count);
  }
  [[nodiscard]] Returned<std::uint32_t> parameter_index(std::string_view name) const {
    const Text text(name);
    std::uint32_t index = 0;
    return call(index, [&] {
      return with(text, LARS_ERR_NAME, "no parameter's name holds a NUL",
                  [&] { return lars_parameter_index(get(), text.c_str(), &index); });
    });
  }
  [[nodiscard]] Returned<Parameter> parameter(std::uint32_t index) const {
    const char* name = "";
    std::int32_t type = LARS_F32;
    std::uint32_t ndim = 0;
    const std::int64_t* shape = nullptr;
    Parameter found;
    return call(found, [&] {
      const std::int32_t status = lars_parameter_info(get(), index, &name, &type, &ndim, &shape);
      found = {index, name, static_cast<Type>(type), {shape, ndim}};
      return status;
    });
  }
  Returned<void> set_gradient_type(Type type) { return set_gradient_type(All(), type); }
  Returned<void> set_gradient_type(const Selector& selector, Type type) {
    return call([&] {
      return with(selector, LARS_ERR_SELECTOR, Base::kCutSelector,
                  [&] { return lars_set_gradient_dtype(get(), selector.c_str(), number(type)); });
    });
  }
  [[nodiscard]] Returned<Type> gradient_type(std::uint32_t index) const {
    Type found = Type::f32;
    return call(found, [&] {
      std::int32_t type = LARS_F32;
      const std::int32_t status = lars_gradient_dtype(get(), index, &type);
      found = static_cast<Type>(type);
      return status;
    });
  }

  // ---- Hyper-parameters: of all parameters, of those whose name matches a glob, or of those for which a
  // predicate on lars::Parameter holds

  Returned<void> set(Key key, double value) { return set(All(), key, value); }
  Returned<void> set(const Selector& selector, Key key, double value) {
    return give(key, selector, {}, [&] { return lars_set(get(), selector.c_str(), number(key), value); });
  }
  Returned<void> set(Key key, const Schedule& schedule) { return set(All(), key, schedule); }
  Returned<void> set(const Selector& selector, Key key, const Schedule& schedule) {
    return give(key, selector, schedule.functions_,
                [&] { return lars_set_schedule(get(), selector.c_str(), number(key), schedule.get()); });
  }
  /// A function, or an object that is called; it may change as it is.
  template <class Predicate>
  Returned<void> set_if(Predicate&& predicate, Key key, double value) {
    using Called = std::remove_reference_t<Predicate>;
    PredicateUser<Called> user{std::addressof(predicate)};
    return call([&] { return lars_set_if(get(), call_predicate<Called>, &user, number(key), value); });
  }
  template <class Predicate>
  Returned<void> set_if(Predicate&& predicate, Key key, const Schedule& schedule) {
    using Called = std::remove_reference_t<Predicate>;
    PredicateUser<Called> user{std::addressof(predicate)};
    return give(key, schedule.functions_, [&] {
      return lars_set_schedule_if(get(), call_predicate<Called>, &user, number(key), schedule.get());
    });
  }
  /// The value that the parameter's next step will use.
  [[nodiscard]] Returned<double> get(std::uint32_t index, Key key) const {
    double value = 0.0;
    return call(value, [&] { return lars_get(get(), index, number(key), &value); });
  }
  Returned<void> set_variant(Variant variant) {
    return call([&] { return lars_set_variant(get(), number(variant)); });
  }
  Returned<void> set_mlperf_resnet50(std::uint64_t batch, std::uint64_t steps_per_epoch) {
    return call([&] { return lars_set_mlperf_resnet50(get(), batch, steps_per_epoch); });
  }
  Returned<void> set_gradient_clip(double max_norm) {
    return call([&] { return lars_set_gradient_clip(get(), max_norm); });
  }
  [[nodiscard]] Returned<double> gradient_clip() const {
    return this->template read<double>(lars_gradient_clip);
  }
  Returned<void> set_nonfinite_policy(NonfinitePolicy policy) {
    return call([&] { return lars_set_nonfinite_policy(get(), number(policy)); });
  }
  [[nodiscard]] Returned<NonfinitePolicy> nonfinite_policy() const {
    return this->template read<NonfinitePolicy>(lars_nonfinite_policy);
  }
  Returned<void> set_max_consecutive_skips(std::uint64_t most) {
    return call([&] { return lars_set_max_consecutive_skips(get(), most); });
  }
  [[nodiscard]] Returned<std::uint64_t> max_consecutive_skips() const {
    return this->template read<std::uint64_t>(lars_max_consecutive_skips);
  }

  // ---- What steps run on

  Returned<void> set_kernels(std::string_view kernels) {
    const Text text(kernels);
    return call([&] {
      return with(text, LARS_ERR_ARGUMENT, "kernels: the text holds a NUL, and names none",
                  [&] { return lars_set_kernels(get(), text.c_str()); });
    });
  }
  [[nodiscard]] std::string_view kernels() const noexcept { return lars_kernels(get()); }
  Returned<void> set_threads(std::uint32_t threads) {
    return call([&] { return lars_set_threads(get(), threads); });
  }
  [[nodiscard]] Returned<std::uint32_t> threads() const {
    return this->template read<std::uint32_t>(lars_threads);
  }
  /// run(count, task) calls task(i) for each i below count, on the host's own threads; an empty function: the
  /// built-in threads.
  Returned<void> set_parallel_for(ParallelFor run, std::uint32_t threads = 0) {
    auto kept = run ? std::make_unique<ParallelFor>(std::move(run)) : nullptr;
    return call([&] {
      const std::int32_t status =
          lars_set_parallel_for(get(), kept != nullptr ? call_parallel_for : nullptr, kept.get(), threads);
      if (status >= 0) parallel_for_.swap(kept);
      return status;
    });
  }

  // ---- Steps. True if the step was taken, false if NonfinitePolicy::skip skipped it

  Returned<bool> step(Tensors parameters, ConstTensors gradients) {
    return stepped([&] {
      return check_parameters(parameters) && check_gradients(gradients)
                 ? lars_step(get(), first_.data(), second_.data())
                 : check_status_;
    });
  }
  Returned<bool> step_flat(Tensor parameters, ConstTensor gradients) {
    return stepped([&] {
      return check_flat(parameters, gradients) ? lars_step_flat(get(), parameters.data(), gradients.data())
                                               : check_status_;
    });
  }
  Returned<bool> step_parameter(std::uint32_t index, Tensor parameter, ConstTensor gradient) {
    return stepped([&] {
      return check_one(index, parameter, gradient)
                 ? lars_step_parameter(get(), index, parameter.data(), gradient.data())
                 : check_status_;
    });
  }
  Returned<bool> update(ConstTensors parameters, ConstTensors gradients, Tensors updates) {
    return stepped([&] {
      return check_parameters(parameters) && check_gradients(gradients) && check_parameters(updates)
                 ? lars_update(get(), third_.data(), second_.data(), first_.data())
                 : check_status_;
    });
  }
  /// masters: none, if no parameter is F16 or BF16.
  Returned<bool> step_external(Tensors parameters, ConstTensors gradients, Tensors momentum,
                               Tensors masters = {}) {
    return stepped([&] {
      return check_parameters(parameters) && check_gradients(gradients) && check_momentum(momentum) &&
                     (masters.empty() || check_masters(masters))
                 ? lars_step_external(get(), first_.data(), second_.data(), momentum_.data(),
                                      masters.empty() ? nullptr : masters_.data())
                 : check_status_;
    });
  }
  Returned<bool> update_external(ConstTensors parameters, ConstTensors gradients, Tensors momentum,
                                 Tensors updates) {
    return stepped([&] {
      return check_parameters(parameters) && check_gradients(gradients) && check_momentum(momentum) &&
                     check_parameters(updates)
                 ? lars_update_external(get(), third_.data(), second_.data(), momentum_.data(), first_.data())
                 : check_status_;
    });
  }

  // ---- Accumulation

  Returned<void> set_accumulation(std::uint32_t micro_batches) {
    return call([&] { return lars_set_accumulation(get(), micro_batches); });
  }
  Returned<void> accumulate(ConstTensors parameters, ConstTensors gradients) {
    return call([&] {
      return check_parameters(parameters) && check_gradients(gradients)
                 ? lars_accumulate(get(), third_.data(), second_.data())
                 : check_status_;
    });
  }
  /// The parameters are needed only by the call that completes a batch.
  Returned<void> accumulate(ConstTensors gradients) {
    return call([&] {
      return check_gradients(gradients) ? lars_accumulate(get(), nullptr, second_.data()) : check_status_;
    });
  }
  Returned<bool> step_accumulated(Tensors parameters) {
    return stepped([&] {
      return check_parameters(parameters) ? lars_step_accumulated(get(), first_.data()) : check_status_;
    });
  }
  Returned<void> discard_accumulated() {
    return call([&] { return lars_discard_accumulated(get()); });
  }
  [[nodiscard]] Returned<Accumulated> accumulated() const {
    Accumulated found;
    return call(found, [&] { return lars_accumulated(get(), &found.accumulated, &found.micro_batches); });
  }
  Returned<void> set_carry_norms(bool carry) {
    return call([&] { return lars_set_carry_norms(get(), carry ? 1 : 0); });
  }
  [[nodiscard]] Returned<bool> carry_norms() const { return this->template read<bool>(lars_carry_norms); }
  Returned<void> parameters_changed() {
    return call([&] { return lars_parameters_changed(get()); });
  }

  // ---- What the steps did

  [[nodiscard]] Returned<std::uint64_t> step_count() const {
    return this->template read<std::uint64_t>(lars_step_count);
  }
  [[nodiscard]] Returned<std::uint64_t> step_count(std::uint32_t index) const {
    std::uint64_t steps = 0;
    return call(steps, [&] { return lars_parameter_step_count(get(), index, &steps); });
  }
  Returned<void> set_step_count(std::uint32_t index, std::uint64_t steps) {
    return call([&] { return lars_set_parameter_step_count(get(), index, steps); });
  }
  [[nodiscard]] Returned<Norms> norms(std::uint32_t index) const {
    Norms found;
    return call(found, [&] {
      return lars_norms(get(), index, &found.weight_norm, &found.update_norm, &found.trust_ratio);
    });
  }
  [[nodiscard]] Returned<Skips> skip_count() const {
    Skips found;
    return call(found, [&] { return lars_skip_count(get(), &found.consecutive, &found.total); });
  }
  [[nodiscard]] Returned<Nonfinite> nonfinite() const {
    Nonfinite found;
    return call(found, [&] {
      return lars_nonfinite(get(), &found.index, &found.parameter_elements, &found.gradient_elements);
    });
  }
  /// One quantity of every parameter's last step.
  [[nodiscard]] Returned<std::vector<double>> telemetry(Telemetry quantity) const {
    std::vector<double> values;
    return call(values, [&] {
      std::uint32_t count = 0;
      std::int32_t status = lars_parameter_count(get(), &count);
      values.resize(count + std::size_t{1});  // data() is not NULL even if there are none
      if (status >= 0) status = lars_telemetry(get(), number(quantity), values.data());
      values.resize(count);
      return status;
    });
  }
  Returned<void> set_gradient_norms(bool wanted) {
    return call([&] { return lars_set_gradient_norms(get(), wanted ? 1 : 0); });
  }
  [[nodiscard]] Returned<bool> gradient_norms() const {
    return this->template read<bool>(lars_gradient_norms);
  }
  /// Called after every step; an empty function: nobody.
  Returned<void> set_observer(Observer observer) {
    auto kept = observer ? std::make_unique<Observer>(std::move(observer)) : nullptr;
    return call([&] {
      const std::int32_t status =
          lars_set_observer(get(), kept != nullptr ? call_observer : nullptr, kept.get());
      if (status >= 0) observer_.swap(kept);
      return status;
    });
  }

  // ---- Checkpoints

  Returned<void> save(std::string_view path) const {
    const Text text(path);
    return call([&] {
      return with(text, LARS_ERR_ARGUMENT, Base::kCutPath, [&] { return lars_save(get(), text.c_str()); });
    });
  }
  Returned<void> load(std::string_view path) {
    const Text text(path);
    return call([&] {
      return with(text, LARS_ERR_ARGUMENT, Base::kCutPath, [&] { return lars_load(get(), text.c_str()); });
    });
  }
  [[nodiscard]] Returned<std::vector<std::byte>> save() const {
    std::vector<std::byte> checkpoint;
    return call(checkpoint, [&] {
      std::uint64_t bytes = 0;
      std::int32_t status = lars_save_size(get(), &bytes);
      checkpoint.resize(static_cast<std::size_t>(bytes));
      if (status >= 0) status = lars_save_to(get(), checkpoint.data(), bytes);
      return status;
    });
  }
  Returned<void> load(Span<const std::byte> checkpoint) {
    return call([&] { return lars_load_from(get(), checkpoint.data(), checkpoint.size()); });
  }

  /// For lars.h. An optimizer that was moved from has none.
  [[nodiscard]] lars_optimizer* get() const noexcept { return handle_.get(); }
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

}  // namespace cpp
}  // namespace lars

#endif  // LARS_LARS_HPP
