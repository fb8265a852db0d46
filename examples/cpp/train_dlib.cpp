// Trains a small model with dlib: its network, its trainer, liblars as its solver. examples/README.md has the
// task. Usage: train_dlib IMAGES LABELS, files in IDX format, gzipped or not.
#include <dlib/dnn.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <lars/lars.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "dlib_solver.hpp"
#include "task.hpp"

namespace {

using Image = dlib::matrix<float, task::kInputs, 1>;
using Network = dlib::loss_multiclass_log<
    dlib::fc<task::kOutputs, dlib::relu<dlib::fc<task::kHidden, dlib::input<Image>>>>>;

/// dlib draws weights of its own when the first images come; these are the task's.
template <class Layer>
void draw_weights(Layer& layer, std::size_t inputs, std::size_t outputs, std::uint64_t& state) {
  dlib::tensor& parameters = layer.layer_details().get_layer_params();
  float* first = parameters.host();
  std::generate_n(first, inputs * outputs, [&] { return task::next_weight(state, inputs); });
  std::fill_n(first + inputs * outputs, outputs, 0.0F);
}

void configure(lars::Optimizer& optimizer) {
  optimizer.set(lars::Key::weight_decay, 1e-4);
  optimizer.set(lars::Key::trust_coefficient, 0.01);
  optimizer.set(lars::Key::learning_rate, lars::Schedule::cosine_decay(2.0, task::kSteps));
  optimizer.set("bias", lars::Key::weight_decay_mask, 0);
  optimizer.set("bias", lars::Key::trust_ratio_mask, 0);
  optimizer.set("bias", lars::Key::learning_rate, lars::Schedule::cosine_decay(0.2, task::kSteps));
}

void train(const std::vector<Image>& images, const std::vector<unsigned long>& labels,
           const std::string& file, std::size_t steps) {
  Network network;
  network(images.front());
  std::uint64_t state = task::kSeed;
  draw_weights(dlib::layer<3>(network), task::kInputs, task::kHidden, state);
  draw_weights(dlib::layer<1>(network), task::kHidden, task::kOutputs, state);

  dlib::dnn_trainer<Network, LarsSolver> trainer(network, LarsSolver(configure));
  if (!file.empty()) trainer.set_synchronization_file(file);
  for (std::size_t step = trainer.get_train_one_step_calls(); step < steps; ++step) {
    const auto first = static_cast<std::ptrdiff_t>(step * task::kBatch % task::kImages);
    const auto end = first + static_cast<std::ptrdiff_t>(task::kBatch);
    trainer.train_one_step(images.begin() + first, images.begin() + end, labels.begin() + first);
  }
  trainer.get_net();  // waits for the last step, and saves

  const std::vector<unsigned long> found = network(images);
  const double loss = network.compute_loss(images.begin(), images.end(), labels.begin());
  std::size_t right = 0;
  for (std::size_t i = 0; i < found.size(); ++i) right += found[i] == labels[i] ? 1 : 0;
  std::printf("final loss %.4f, accuracy %.4f\n", loss,
              static_cast<double>(right) / static_cast<double>(found.size()));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3 || argc > 5) throw std::runtime_error("usage: train_dlib IMAGES LABELS [FILE [STEPS]]");
    const std::vector<std::vector<float>> pixels = task::read_images(argv[1]);
    const std::vector<unsigned char> labels = task::read_labels(argv[2]);
    std::vector<Image> images(pixels.size());
    for (std::size_t i = 0; i < images.size(); ++i)
      std::copy(pixels[i].begin(), pixels[i].end(), images[i].begin());
    train(images, {labels.begin(), labels.end()}, argc > 3 ? argv[3] : "",
          argc > 4 ? std::stoul(argv[4]) : task::kSteps);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_dlib: %s\n", error.what());
    return 1;
  }
}
