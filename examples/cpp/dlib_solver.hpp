// LARS as a solver of dlib's dnn_trainer.
#ifndef LARS_EXAMPLES_DLIB_SOLVER_HPP
#define LARS_EXAMPLES_DLIB_SOLVER_HPP

#include <dlib/dnn.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <lars/lars.hpp>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

/// What dlib asks of a solver: the change of a layer's parameters, for their values and gradients. The
/// trainer has a copy for every layer, and adds the change itself; so each copy has an optimizer for its
/// layer, made at its first step.
///
/// On resuming from the trainer's synchronization file, the hyper-parameters in force are those of the file,
/// schedules, too; `configure` decides for layers that had made no step.
class LarsSolver {
 public:
  /// `configure` sets keys and schedules of a layer's optimizer, whose parameters are "weight" and "bias".
  explicit LarsSolver(std::function<void(lars::Optimizer&)> configure) : configure_(std::move(configure)) {}
  LarsSolver() = default;  // for the trainer's containers; cannot step
  LarsSolver(const LarsSolver& other) : configure_(other.configure_), saved_(other.state()) {}
  LarsSolver(LarsSolver&&) = default;
  LarsSolver& operator=(LarsSolver other) noexcept {
    std::swap(configure_, other.configure_);
    std::swap(saved_, other.saved_);
    std::swap(optimizer_, other.optimizer_);
    std::swap(update_, other.update_);
    return *this;
  }
  ~LarsSolver() = default;

  /// dlib's own learning rate is not used: the optimizer has a schedule. The layer's multipliers of it scale
  /// what the optimizer returns; those of weight decay are not used, as `configure` sets the decay.
  template <class Layer>
  const dlib::tensor& operator()(float /*learning_rate*/, const Layer& layer, const dlib::tensor& gradient) {
    const std::size_t biases = count_biases(layer, gradient);
    const std::size_t weights = gradient.size() - biases;
    if (!optimizer_) start(weights, biases);
    update_.copy_size(gradient);
    const float* parameter = layer.get_layer_params().host();
    const float* slope = gradient.host();
    float* update = update_.host_write_only();
    using lars::Type;
    const bool stepped =
        optimizer_->update({{parameter, weights, Type::f32}, {parameter + weights, biases, Type::f32}},
                           {{slope, weights, Type::f32}, {slope + weights, biases, Type::f32}},
                           {{update, weights, Type::f32}, {update + weights, biases, Type::f32}});
    if (!stepped) std::fill_n(update, gradient.size(), 0.0F);  // skipped for NaN or Inf: nothing was written
    // Of a normalization, dlib calls the second half biases.
    const std::size_t shifts = weights == 0 ? biases / 2 : biases;
    const double multiplier = dlib::get_learning_rate_multiplier(layer);
    scale(update, gradient.size() - shifts, multiplier);
    scale(update + gradient.size() - shifts, shifts,
          multiplier * dlib::get_bias_learning_rate_multiplier(layer));
    return update_;
  }

  // The trainer's synchronization file then holds the momentum and step counts, too.
  friend void serialize(const LarsSolver& solver, std::ostream& out) { dlib::serialize(solver.state(), out); }
  friend void deserialize(LarsSolver& solver, std::istream& in) {
    solver.optimizer_.reset();
    dlib::deserialize(solver.saved_, in);
  }

 private:
  // dlib keeps a layer's weights and biases in one tensor, the biases last. All that other layers have is
  // like biases: the scales and shifts of normalizations, the slope of prelu, and whatever layers of the
  // program's own have.
  template <class Layer>
  static std::size_t count_biases(const Layer& /*layer*/, const dlib::tensor& all) {
    return all.size();
  }
  template <unsigned long Outputs, dlib::fc_bias_mode Mode>
  static std::size_t count_biases(const dlib::fc_<Outputs, Mode>& layer, const dlib::tensor& all) {
    return all.size() - layer.get_weights().get().size();  // none if they are disabled, by type or by call
  }
  template <long Filters, long Rows, long Columns, int... Geometry>
  static std::size_t count_biases(const dlib::con_<Filters, Rows, Columns, Geometry...>& layer,
                                  const dlib::tensor& /*all*/) {
    return layer.bias_is_disabled() ? 0 : static_cast<std::size_t>(layer.num_filters());
  }
  template <long Filters, long Rows, long Columns, int... Geometry>
  static std::size_t count_biases(const dlib::cont_<Filters, Rows, Columns, Geometry...>& layer,
                                  const dlib::tensor& /*all*/) {
    return layer.bias_is_disabled() ? 0 : static_cast<std::size_t>(layer.num_filters());
  }

  static void scale(float* update, std::size_t count, double multiplier) {
    if (multiplier == 1.0) return;
    for (std::size_t i = 0; i < count; ++i) update[i] *= static_cast<float>(multiplier);
  }

  void start(std::size_t weights, std::size_t biases) {
    if (!configure_) throw std::invalid_argument("LarsSolver: give it a function that sets hyper-parameters");
    auto optimizer = std::make_unique<lars::Optimizer>();
    optimizer->add_parameter("weight", lars::Type::f32, {static_cast<std::int64_t>(weights)});
    optimizer->add_parameter("bias", lars::Type::f32, {static_cast<std::int64_t>(biases)});
    configure_(*optimizer);
    if (!saved_.empty()) optimizer->load({reinterpret_cast<const std::byte*>(saved_.data()), saved_.size()});
    optimizer_ = std::move(optimizer);
    std::vector<char>().swap(saved_);  // clear() would keep the memory
  }

  /// Empty before the first step.
  [[nodiscard]] std::vector<char> state() const {
    if (!optimizer_) return saved_;
    const std::vector<std::byte> bytes = optimizer_->save();
    const char* first = reinterpret_cast<const char*>(bytes.data());
    return {first, first + bytes.size()};
  }

  std::function<void(lars::Optimizer&)> configure_;
  std::vector<char> saved_;
  std::unique_ptr<lars::Optimizer> optimizer_;
  dlib::resizable_tensor update_;
};

#endif  // LARS_EXAMPLES_DLIB_SOLVER_HPP
