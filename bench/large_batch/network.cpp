#include "network.hpp"

#include "batch_norm.hpp"
#include "convolution.hpp"
#include "dataset.hpp"
#include "dense.hpp"
#include "max_pool.hpp"
#include "relu.hpp"

namespace large_batch {

template <typename T>
Network<T>::Network(std::vector<std::unique_ptr<Layer<T>>> layers)
    : layers_(std::move(layers)), outputs_(layers_.size()) {}

template <typename T>
const T* Network<T>::forward(const T* input, std::size_t images, Mode mode) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::size_t size = images * layers_[i]->output_size();
    if (outputs_[i].size() < size) outputs_[i].resize(size);
    layers_[i]->forward(input, outputs_[i].data(), images, mode);
    input = outputs_[i].data();
  }
  return input;
}

template <typename T>
void Network<T>::backward(const T* input, const T* output_gradient, std::size_t images) {
  const T* gradient = output_gradient;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const T* layer_input = i == 0 ? input : outputs_[i - 1].data();
    const std::size_t size = images * layers_[i]->input_size();
    if (next_gradient_.size() < size) next_gradient_.resize(size);
    layers_[i]->backward(layer_input, gradient, i == 0 ? nullptr : next_gradient_.data(), images);
    std::swap(gradient_, next_gradient_);
    gradient = gradient_.data();
  }
}

template <typename T>
std::vector<Parameter<T>*> Network<T>::parameters() {
  std::vector<Parameter<T>*> all;
  for (const auto& layer : layers_) {
    for (Parameter<T>* parameter : layer->parameters()) all.push_back(parameter);
  }
  return all;
}

namespace {

template <typename T>
using Layers = std::vector<std::unique_ptr<Layer<T>>>;

// A hidden dense layer: it has no bias of its own because batch normalisation follows.
template <typename T>
void add_hidden(Layers<T>& layers, const std::string& number, std::size_t inputs, std::size_t outputs,
                std::mt19937_64& random) {
  layers.push_back(std::make_unique<Dense<T>>("dense" + number, inputs, outputs, Bias::none, random));
  layers.push_back(std::make_unique<BatchNorm<T>>("norm" + number, 1, outputs));
  layers.push_back(std::make_unique<Relu<T>>(outputs));
}

template <typename T>
Picture add_convolution(Layers<T>& layers, const std::string& number, Picture input, std::size_t channels,
                        std::mt19937_64& random) {
  constexpr std::size_t kKernel = 5;
  auto convolution = std::make_unique<Convolution<T>>("conv" + number, input, kKernel, channels, random);
  const Picture filtered = convolution->output_picture();
  auto pool = std::make_unique<MaxPool<T>>(filtered);
  const Picture pooled = pool->output_picture();
  layers.push_back(std::move(convolution));
  layers.push_back(
      std::make_unique<BatchNorm<T>>("norm" + number, filtered.height * filtered.width, channels));
  layers.push_back(std::make_unique<Relu<T>>(filtered.size()));
  layers.push_back(std::move(pool));
  return pooled;
}

}  // namespace

template <typename T>
Network<T> make_mlp(std::mt19937_64& random) {
  constexpr std::size_t kHidden = 128;
  Layers<T> layers;
  add_hidden(layers, "1", kImageSize, kHidden, random);
  add_hidden(layers, "2", kHidden, kHidden, random);
  layers.push_back(std::make_unique<Dense<T>>("dense3", kHidden, kClasses, Bias::zero, random));
  return Network<T>(std::move(layers));
}

template <typename T>
Network<T> make_lenet(std::mt19937_64& random) {
  Layers<T> layers;
  const Picture first = add_convolution(layers, "1", Picture{kImageSide, kImageSide, 1}, 8, random);
  const Picture second = add_convolution(layers, "2", first, 16, random);
  add_hidden(layers, "3", second.size(), 120, random);
  add_hidden(layers, "4", 120, 84, random);
  layers.push_back(std::make_unique<Dense<T>>("dense5", 84, kClasses, Bias::zero, random));
  return Network<T>(std::move(layers));
}

template class Network<float>;
template class Network<double>;
template Network<float> make_mlp<float>(std::mt19937_64& random);
template Network<double> make_mlp<double>(std::mt19937_64& random);
template Network<float> make_lenet<float>(std::mt19937_64& random);
template Network<double> make_lenet<double>(std::mt19937_64& random);

}  // namespace large_batch
