#include "trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace large_batch {
namespace {

using Clock = std::chrono::steady_clock;

// Adds what body takes to `seconds`.
template <class Body>
auto timed(double& seconds, const Body& body) {
  const Clock::time_point start = Clock::now();
  const auto result = body();
  seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

std::size_t batches(std::size_t images, std::size_t batch) { return (images + batch - 1) / batch; }

StepCounts count_steps(const Settings& settings, std::size_t steps_per_epoch) {
  const std::uint64_t total = static_cast<std::uint64_t>(settings.epochs) * steps_per_epoch;
  const double wanted = std::round(settings.warmup_epochs * static_cast<double>(steps_per_epoch));
  // At least one step is left for the decay.
  const double warmup = std::min(wanted, static_cast<double>(total - 1));
  return {static_cast<std::uint64_t>(warmup), total};
}

Network<float> make_network(const Settings& settings, std::mt19937_64& random) {
  return settings.model == "lenet" ? make_lenet<float>(random) : make_mlp<float>(random);
}

}  // namespace

Trainer::Trainer(const Settings& settings, const Dataset& data)
    : settings_(settings),
      data_(data),
      random_(settings.seed),
      network_(make_network(settings, random_)),
      parameters_(network_.parameters()),
      steps_per_epoch_(batches(data.train.size(), settings.batch)),
      optimizer_(settings, parameters_, count_steps(settings, steps_per_epoch_)),
      order_(data.train.size()),
      test_order_(data.test.size()) {
  std::iota(order_.begin(), order_.end(), 0U);
  std::iota(test_order_.begin(), test_order_.end(), 0U);
  history_.layers = optimizer_.scaled_names();
  history_.parameters = optimizer_.parameters();
  history_.train_images = data.train.size();
  history_.test_images = data.test.size();
  history_.steps_per_epoch = steps_per_epoch_;
  history_.steps.reserve(settings_.epochs * steps_per_epoch_);
}

History Trainer::run(std::FILE* progress_stream) {
  const Clock::time_point start = Clock::now();
  if (!settings_.out.empty()) files_.emplace(settings_, history_);
  Progress progress(progress_stream, settings_.epochs, steps_per_epoch_, data_.train.size());
  try {
    for (std::size_t epoch = 1; epoch <= settings_.epochs; ++epoch) train_epoch(epoch, progress);
  } catch (const DivergedError& error) {
    progress.clear();
    history_.diverged = true;
    history_.divergence = error.what();
  }
  history_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  history_.ended = true;
  if (files_) files_->finish(history_);
  return std::move(history_);
}

void Trainer::train_epoch(std::size_t epoch, Progress& progress) {
  std::shuffle(order_.begin(), order_.end(), random_);
  LossSum sum;
  EpochRecord record;
  record.epoch = epoch;
  for (std::size_t first = 0; first < order_.size(); first += settings_.batch) {
    // The last batch of an epoch is smaller; its gradient is the mean over the images that it has.
    const std::size_t count = std::min(settings_.batch, order_.size() - first);
    StepSeconds seconds;
    const LossSum batch = train_batch(order_.data() + first, count, seconds);
    sum.loss += batch.loss;
    sum.correct += batch.correct;
    record.learning_rate = optimizer_.learning_rate();
    timed(seconds.optimizer, [this] {
      optimizer_.step();
      return 0;
    });
    const double loss = batch.loss / static_cast<double>(count);
    history_.steps.push_back({history_.steps.size() + 1, loss, record.learning_rate,
                              optimizer_.trust_ratios(), optimizer_.telemetry(), seconds});
    if (files_) files_->add_step(history_);
    progress.show_step(epoch, first / settings_.batch + 1, first + count, loss);
  }
  const auto train_size = static_cast<double>(order_.size());
  record.train_loss = sum.loss / train_size;
  record.train_accuracy = static_cast<double>(sum.correct) / train_size;
  const LossSum test = evaluate();
  record.test_loss = test.loss / static_cast<double>(data_.test.size());
  record.test_accuracy = static_cast<double>(test.correct) / static_cast<double>(data_.test.size());
  history_.epochs.push_back(record);
  if (files_) files_->add_epoch(history_);
  progress.show_epoch(record);
}

// Leaves the gradient of the batch's mean loss in the parameters.
LossSum Trainer::train_batch(const std::uint32_t* images, std::size_t count, StepSeconds& seconds) {
  for (Parameter<float>* parameter : parameters_) {
    std::fill(parameter->gradient.begin(), parameter->gradient.end(), 0.0F);
  }
  LossSum sum;
  const float scale = 1.0F / static_cast<float>(count);
  // A batch of any size is exact in all but batch norm's statistics, which are those of each ghost batch.
  for (std::size_t first = 0; first < count; first += settings_.ghost_batch) {
    const std::size_t ghost = std::min(settings_.ghost_batch, count - first);
    load(data_.train, images + first, ghost);
    const float* logits =
        timed(seconds.forward, [&] { return network_.forward(input_.data(), ghost, Mode::train); });
    logit_gradient_.resize(ghost * kClasses);
    const LossSum part =
        softmax_cross_entropy(logits, labels_.data(), ghost, kClasses, scale, logit_gradient_.data());
    timed(seconds.backward, [&] {
      network_.backward(input_.data(), logit_gradient_.data(), ghost);
      return 0;
    });
    sum.loss += part.loss;
    sum.correct += part.correct;
  }
  return sum;
}

LossSum Trainer::evaluate() {
  LossSum sum;
  for (std::size_t first = 0; first < test_order_.size(); first += settings_.ghost_batch) {
    const std::size_t count = std::min(settings_.ghost_batch, test_order_.size() - first);
    load(data_.test, test_order_.data() + first, count);
    const float* logits = network_.forward(input_.data(), count, Mode::evaluate);
    const LossSum part = softmax_cross_entropy<float>(logits, labels_.data(), count, kClasses, 0.0F, nullptr);
    sum.loss += part.loss;
    sum.correct += part.correct;
  }
  return sum;
}

void Trainer::load(const Split& split, const std::uint32_t* images, std::size_t count) {
  input_.resize(count * kImageSize);
  labels_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    data_.write_image(split, images[i], input_.data() + i * kImageSize);
    labels_[i] = split.labels[images[i]];
  }
}

}  // namespace large_batch
