#include <lars/lars.hpp>
#include <unordered_map>
#include <vector>

/// An optimizer for a trainer that calls update(gradient, weights) tensor by tensor and has no names for
/// them: they are told apart by where they lie.
class PerTensor {
 public:
  explicit PerTensor(double learning_rate) { optimizer_.set(lars::Key::learning_rate, learning_rate); }

  /// Once for every tensor, before training.
  void add(const std::vector<float>& weights) {
    const auto elements = static_cast<std::int64_t>(weights.size());
    const std::string name = "tensor." + std::to_string(indices_.size());
    indices_[weights.data()] = optimizer_.add_parameter(name, lars::Type::f32, {elements});
  }

  void update(const std::vector<float>& gradient, std::vector<float>& weights) {
    optimizer_.step_parameter(indices_.at(weights.data()), weights, gradient);
  }

  lars::Optimizer& optimizer() { return optimizer_; }

 private:
  lars::Optimizer optimizer_;
  std::unordered_map<const float*, std::uint32_t> indices_;
};
