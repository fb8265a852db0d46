#include "optimizer.hpp"

#include <array>
#include <utility>

namespace large_batch {
namespace {

// What everyone who trains with LARS leaves out of weight decay and trust ratio: biases, among them those of
// batch norm, and batch norm's scales. By names, as the layers give them.
constexpr std::array<const char*, 2> kExcluded = {"*.bias", "norm*.scale"};

// The keys that a run's record gives for every parameter: all.
constexpr std::array<std::pair<std::int32_t, const char*>, 16> kKeys = {{
    {LARS_LEARNING_RATE, "learning_rate"},
    {LARS_WEIGHT_DECAY, "weight_decay"},
    {LARS_WEIGHT_DECAY_MASK, "weight_decay_mask"},
    {LARS_TRUST_COEFFICIENT, "trust_coefficient"},
    {LARS_EPS, "eps"},
    {LARS_TRUST_RATIO_MASK, "trust_ratio_mask"},
    {LARS_MOMENTUM, "momentum"},
    {LARS_NESTEROV, "nesterov"},
    {LARS_GRADIENT_SCALE, "gradient_scale"},
    {LARS_DENOMINATOR, "denominator"},
    {LARS_OUTSIDE_MOMENTUM, "outside_momentum"},
    {LARS_TRUST_CLIP, "trust_clip"},
    {LARS_DAMPENING, "dampening"},
    {LARS_DECAY_IN_UPDATE, "decay_in_update"},
    {LARS_ZERO_NORM_DECAY, "zero_norm_decay"},
    {LARS_CLIP_VALUE, "clip_value"},
}};

struct DestroySchedule {
  void operator()(lars_schedule* schedule) const { lars_schedule_destroy(schedule); }
};
using Schedule = std::unique_ptr<lars_schedule, DestroySchedule>;

// Takes what a lars_schedule_* constructor wrote and returned.
Schedule take(lars_schedule* written, std::int32_t status) {
  Schedule schedule(written);
  if (status != LARS_OK) throw OptimizerError(lars_schedule_error_message(written));
  return schedule;
}

// The whole of the decay, from peak at its first step to 0 after its last.
Schedule make_decay(ScheduleKind kind, double peak, std::uint64_t steps) {
  lars_schedule* schedule = nullptr;
  std::int32_t status = LARS_OK;
  switch (kind) {
    case ScheduleKind::polynomial:
      status = lars_schedule_polynomial(peak, 0.0, 2.0, steps, 0, &schedule);
      break;
    case ScheduleKind::cosine: status = lars_schedule_cosine_decay(peak, steps, 0.0, 1.0, &schedule); break;
    case ScheduleKind::constant: status = lars_schedule_constant(peak, &schedule); break;
  }
  return take(schedule, status);
}

Schedule make_schedule(ScheduleKind kind, double peak, StepCounts steps) {
  if (steps.warmup == 0) return make_decay(kind, peak, steps.total);
  // Not from 0: the first of the few steps that a large batch leaves should move, too.
  const double first = peak / static_cast<double>(steps.warmup + 1);
  lars_schedule* linear = nullptr;
  const std::int32_t linear_status = lars_schedule_linear(first, peak, steps.warmup, 0, &linear);
  const Schedule warmup = take(linear, linear_status);
  const Schedule decay = make_decay(kind, peak, steps.total - steps.warmup);

  const std::array<const lars_schedule*, 2> parts = {warmup.get(), decay.get()};
  const std::uint64_t boundary = steps.warmup;
  lars_schedule* joined = nullptr;
  const std::int32_t status = lars_schedule_join(2, parts.data(), &boundary, &joined);
  return take(joined, status);
}

}  // namespace

Optimizer::Optimizer(const Settings& settings, const std::vector<Parameter<float>*>& parameters,
                     StepCounts steps) {
  lars_optimizer* created = nullptr;
  const std::int32_t status = lars_create(&created);
  lars_.reset(created);
  check(status);
  add_parameters(parameters);
  configure(settings, steps);
  check(lars_set_gradient_norms(lars_.get(), 1));
  check(lars_set_observer(lars_.get(), &Optimizer::observe, this));
}

void Optimizer::observe(void* self, std::int32_t /*status*/, std::uint64_t /*steps*/, std::uint32_t count,
                        std::uint32_t /*quantity_count*/, const double* const* quantities) {
  StepTelemetry& telemetry = static_cast<Optimizer*>(self)->telemetry_;
  for (std::size_t quantity = 0; quantity < telemetry.size(); ++quantity) {
    telemetry[quantity].assign(quantities[quantity], quantities[quantity] + count);
  }
}

void Optimizer::add_parameters(const std::vector<Parameter<float>*>& parameters) {
  for (Parameter<float>* parameter : parameters) {
    check(lars_add_parameter(lars_.get(), parameter->name.c_str(), LARS_F32,
                             static_cast<std::uint32_t>(parameter->shape.size()), parameter->shape.data(),
                             nullptr));
    values_.push_back(parameter->value.data());
    gradients_.push_back(parameter->gradient.data());
  }
}

void Optimizer::configure(const Settings& settings, StepCounts steps) {
  const Schedule of_weights = make_schedule(settings.schedule, settings.learning_rate, steps);
  const Schedule of_excluded = make_schedule(settings.schedule, settings.excluded_learning_rate, steps);
  check(lars_set_variant(lars_.get(), variant_of(settings.variant)));
  check(lars_set_nonfinite_policy(lars_.get(), LARS_NONFINITE_REFUSE));
  check(lars_set_schedule(lars_.get(), nullptr, LARS_LEARNING_RATE, of_weights.get()));
  check(lars_set(lars_.get(), nullptr, LARS_WEIGHT_DECAY, settings.weight_decay));
  check(lars_set(lars_.get(), nullptr, LARS_MOMENTUM, settings.momentum));
  check(lars_set(lars_.get(), nullptr, LARS_TRUST_COEFFICIENT, settings.trust_coefficient));
  if (settings.gradient_clip) check(lars_set_gradient_clip(lars_.get(), *settings.gradient_clip));
  for (const char* selector : kExcluded) exclude(selector, of_excluded.get());

  for (std::uint32_t index = 0; index < values_.size(); ++index) {
    double mask = 0.0;
    check(lars_get(lars_.get(), index, LARS_TRUST_RATIO_MASK, &mask));
    if (mask == 0.0) continue;
    const char* name = nullptr;
    check(lars_parameter_info(lars_.get(), index, &name, nullptr, nullptr, nullptr));
    scaled_indices_.push_back(index);
    scaled_names_.emplace_back(name);
  }
  // Without trust ratio LARS is momentum SGD: v = momentum * v - learning_rate * (g + weight_decay * w); w +=
  // v. PyTorch and optax.sgd multiply by the learning rate after the momentum instead, which is the same
  // while it is constant; under a schedule both optimizers here follow the form of LARS.
  if (settings.optimizer == OptimizerKind::sgd) {
    check(lars_set(lars_.get(), nullptr, LARS_TRUST_RATIO_MASK, 0.0));
  }
}

// A parameter outside the trust-ratio mask gets the raw learning rate, which for lars is far too high for it:
// so these have a schedule of their own.
void Optimizer::exclude(const char* selector, const lars_schedule* learning_rate) {
  check(lars_set(lars_.get(), selector, LARS_WEIGHT_DECAY_MASK, 0.0));
  check(lars_set(lars_.get(), selector, LARS_TRUST_RATIO_MASK, 0.0));
  check(lars_set_schedule(lars_.get(), selector, LARS_LEARNING_RATE, learning_rate));
}

void Optimizer::step() { check(lars_step(lars_.get(), values_.data(), gradients_.data())); }

double Optimizer::learning_rate() const {
  double rate = 0.0;
  check(lars_get(lars_.get(), scaled_indices_.front(), LARS_LEARNING_RATE, &rate));
  return rate;
}

std::vector<ParameterRecord> Optimizer::parameters() const {
  std::vector<ParameterRecord> records(values_.size());
  for (std::uint32_t index = 0; index < records.size(); ++index) {
    const char* name = nullptr;
    std::uint32_t dimensions = 0;
    const std::int64_t* shape = nullptr;
    check(lars_parameter_info(lars_.get(), index, &name, nullptr, &dimensions, &shape));
    records[index].name = name;
    records[index].shape.assign(shape, shape + dimensions);
    for (const auto& [key, title] : kKeys) {
      double value = 0.0;
      check(lars_get(lars_.get(), index, key, &value));
      records[index].hyperparameters.emplace_back(title, value);
    }
  }
  return records;
}

std::vector<double> Optimizer::trust_ratios() const {
  std::vector<double> ratios(scaled_indices_.size());
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    check(lars_norms(lars_.get(), scaled_indices_[i], nullptr, nullptr, &ratios[i]));
  }
  return ratios;
}

void Optimizer::check(std::int32_t status) const {
  if (status == LARS_OK) return;
  const std::string message = std::string(lars_status_name(status)) + ": " + lars_error_message(lars_.get());
  if (status == LARS_ERR_NONFINITE) throw DivergedError(message);
  throw OptimizerError(message);
}

}  // namespace large_batch
