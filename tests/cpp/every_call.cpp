// Every call of lars.hpp, compiled in every dialect and style; never run.
#include <array>
#include <cstddef>
#include <cstdint>
#include <lars/lars.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// As Optimizer::parameter gives it.
lars::Span<const std::int64_t> optimizer_shape() { return {}; }

bool is_vector(const lars::Parameter& parameter) { return parameter.shape.size() == 1; }

/// The arguments that calls take besides those of use().
template <class Optimizer>
void use_other_arguments(Optimizer& optimizer) {
  std::vector<float> w(4);
  const std::vector<float> g(4);
  std::vector<std::vector<float>> all(2, w);
  const std::vector<std::vector<float>> all_gradients(2, g);
  std::vector<lars::Tensor> tensors = {w, w};
  lars::Tensor two[] = {w, w};
  const std::array<std::size_t, 2> extents = {2, 2};
  const std::int64_t three[] = {2, 2, 2};
  const std::vector<int> none;
  const auto done = [&](auto&&... calls) { (static_cast<void>(calls()), ...); };
  done([&] { return optimizer.add_parameter("a", lars::Type::f32, {w.size()}); },
       [&] {
         return optimizer.add_parameter(std::string_view("b"), lars::Type::f32, {w.size(), 10});
       },
       [&] { return optimizer.add_parameter(std::string("c"), lars::Type::f32, extents); },
       [&] { return optimizer.add_parameter("d", lars::Type::f32, three); },
       [&] {
         return optimizer.add_parameter("e", lars::Type::f32, {three, 3});
       },
       [&] { return optimizer.add_parameter("f", lars::Type::f32, none); },
       [&] { return optimizer.add_parameter("g", lars::Type::f32, optimizer_shape()); },
       [&] { return optimizer.add_parameter("h", lars::Type::f32, {}); },
       [&] { return optimizer.add_parameter("i", lars::Type::f32, {0}); },
       [&] {
         return optimizer.add_parameter("j", lars::Type::f32, {0, 10});
       },
       [&] { return optimizer.set(std::string_view("*.bias"), lars::Key::eps, 0.1); },
       [&] { return optimizer.set_kernels(std::string_view("auto")); },
       [&] { return optimizer.save(std::string_view("file")); },
       [&] { return optimizer.set_if(is_vector, lars::Key::eps, 0.1); },
       [&] { return optimizer.set_if(&is_vector, lars::Key::eps, 0.1); },
       [&] {
         int count = 0;
         return optimizer.set_if([count](const lars::Parameter&) mutable { return count++ == 0; },
                                 lars::Key::eps, 0.1);
       },
       [&] { return optimizer.step(all, all_gradients); }, [&] { return optimizer.step(tensors, tensors); },
       [&] {
         return optimizer.step(two, {g, g});
       },
       [&] { return optimizer.accumulate(all_gradients); });
}

template <class Optimizer, class Schedule>
void use(Optimizer& optimizer) {
  std::vector<float> w(4);
  const std::vector<float> g(4);
  std::vector<double> d(4);
  const auto keep = [](auto&&... results) {
    static_cast<void>(std::initializer_list<int>{(static_cast<void>(results), 0)...});
  };
  keep(optimizer.add_parameter("w", lars::Type::f32, {2, 2}), optimizer.parameter_count(),
       optimizer.parameter_index("w"), optimizer.parameter(0), optimizer.gradient_type(0),
       optimizer.get(0, lars::Key::eps), optimizer.threads(), optimizer.kernels(), optimizer.accumulated(),
       optimizer.step_count(), optimizer.step_count(0), optimizer.norms(0), optimizer.skip_count(),
       optimizer.nonfinite(), optimizer.telemetry(lars::Telemetry::trust_ratio), optimizer.save(),
       optimizer.gradient_clip(), optimizer.nonfinite_policy(), optimizer.max_consecutive_skips(),
       optimizer.carry_norms(), optimizer.gradient_norms());
  const Schedule schedules[] = {
      Schedule::constant(0.1),
      Schedule::linear(1.0, 0.0, 10),
      Schedule::polynomial(1.0, 0.0, 2.0, 10),
      Schedule::piecewise_constant(1.0, {{10, 0.5}}),
      Schedule::piecewise_interpolate(lars::Interpolation::cosine, 1.0, {{10, 0.5}}),
      Schedule::exponential_decay(1.0, 10, 0.5),
      Schedule::cosine_decay(1.0, 10),
      Schedule::linear_onecycle(10, 1.0),
      Schedule::cosine_onecycle(10, 1.0),
      Schedule::warmup_constant(0.0, 1.0, 10),
      Schedule::warmup_cosine_decay(0.0, 1.0, 5, 10),
      Schedule::warmup_exponential_decay(0.0, 1.0, 5, 10, 0.5),
      Schedule::sgdr({{0.0, 1.0, 5, 10}, {0.0, 0.5, 5, 10}}),
      Schedule::join(Schedule::constant(0.1), {{10, Schedule::constant(0.2)}}),
      Schedule::callback([](std::uint64_t step) { return 1.0 / (1.0 + static_cast<double>(step)); }),
  };
  keep(schedules[0].value(3), schedules[0].message());
  const auto small = [](const lars::Parameter& parameter) { return parameter.shape.size() < 2; };
  const auto done = [&](auto&&... calls) { (static_cast<void>(calls()), ...); };
  done([&] { return optimizer.set_gradient_type(lars::Type::bf16); },
       [&] { return optimizer.set_gradient_type("w", lars::Type::bf16); },
       [&] { return optimizer.set(lars::Key::learning_rate, 0.1); },
       [&] { return optimizer.set(std::string("*.bias"), lars::Key::eps, 0.1); },
       [&] { return optimizer.set(lars::Key::learning_rate, schedules[1]); },
       [&] { return optimizer.set("w", lars::Key::learning_rate, schedules[2]); },
       [&] { return optimizer.set_if(small, lars::Key::trust_ratio_mask, 0); },
       [&] { return optimizer.set_if(small, lars::Key::learning_rate, schedules[3]); },
       [&] { return optimizer.set_variant(lars::Variant::larc); },
       [&] { return optimizer.set_mlperf_resnet50(8192, 157); },
       [&] { return optimizer.set_gradient_clip(1.0); },
       [&] { return optimizer.set_nonfinite_policy(lars::NonfinitePolicy::skip); },
       [&] { return optimizer.set_max_consecutive_skips(3); }, [&] { return optimizer.set_kernels("auto"); },
       [&] { return optimizer.set_threads(2); },
       [&] {
         return optimizer.set_parallel_for(
             [](std::uint32_t count, const std::function<void(std::uint32_t)>& task) {
               for (std::uint32_t i = 0; i < count; ++i) task(i);
             });
       },
       [&] { return optimizer.step({w}, {g}); }, [&] { return optimizer.step_flat(w, g); },
       [&] { return optimizer.step_parameter(0, w, g); }, [&] { return optimizer.update({g}, {g}, {w}); },
       [&] { return optimizer.step_external({w}, {g}, {w}); },
       [&] { return optimizer.step_external({w}, {g}, {w}, {d}); },
       [&] { return optimizer.update_external({g}, {g}, {w}, {w}); },
       [&] { return optimizer.set_accumulation(2); }, [&] { return optimizer.accumulate({g}, {g}); },
       [&] { return optimizer.accumulate({g}); }, [&] { return optimizer.step_accumulated({w}); },
       [&] { return optimizer.discard_accumulated(); }, [&] { return optimizer.set_carry_norms(true); },
       [&] { return optimizer.parameters_changed(); }, [&] { return optimizer.set_step_count(0, 5); },
       [&] { return optimizer.set_gradient_norms(true); },
       [&] {
         return optimizer.set_observer(
             [](const lars::StepReport& report) { static_cast<void>(report.skipped()); });
       },
       [&] { return optimizer.save("file"); }, [&] { return optimizer.load("file"); },
       [&] { return optimizer.load(lars::Span<const std::byte>()); });
  use_other_arguments(optimizer);
  Optimizer moved = std::move(optimizer);
  static_cast<void>(moved.get());
}

#if LARS_CPP_EXCEPTIONS
template void use<lars::Optimizer, lars::Schedule>(lars::Optimizer&);
#endif
template void use<lars::nothrow::Optimizer, lars::nothrow::Schedule>(lars::nothrow::Optimizer&);

}  // namespace
