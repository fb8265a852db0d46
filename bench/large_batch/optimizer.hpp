// The optimizer, by nothing but the C interface of liblars.
#pragma once

#include <lars/lars.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "history.hpp"
#include "layer.hpp"
#include "settings.hpp"

namespace large_batch {

// Carries the library's message.
class OptimizerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// NaN or Inf in a parameter or gradient: the learning rate was too high.
class DivergedError : public OptimizerError {
 public:
  using OptimizerError::OptimizerError;
};

struct StepCounts {
  std::uint64_t warmup = 0;
  std::uint64_t total = 1;
};

class Optimizer {
 public:
  // Keeps pointers to the parameters, which must outlive it. The library knows its address.
  Optimizer(const Settings& settings, const std::vector<Parameter<float>*>& parameters, StepCounts steps);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&&) = delete;
  Optimizer& operator=(Optimizer&&) = delete;
  ~Optimizer() = default;

  void step();

  // The weights' learning rate of the next step.
  [[nodiscard]] double learning_rate() const;

  // All parameters in their order, with the hyper-parameters of the next step.
  [[nodiscard]] std::vector<ParameterRecord> parameters() const;

  // Of the last step.
  [[nodiscard]] const StepTelemetry& telemetry() const { return telemetry_; }

  // The parameters that the trust ratio scales under lars: all that are not excluded.
  [[nodiscard]] const std::vector<std::string>& scaled_names() const { return scaled_names_; }

  // Of the last step, in the order of scaled_names.
  [[nodiscard]] std::vector<double> trust_ratios() const;

 private:
  struct Destroy {
    void operator()(lars_optimizer* optimizer) const { lars_destroy(optimizer); }
  };

  void add_parameters(const std::vector<Parameter<float>*>& parameters);
  void configure(const Settings& settings, StepCounts steps);
  void exclude(const char* selector, const lars_schedule* learning_rate);
  void check(std::int32_t status) const;
  static void observe(void* self, std::int32_t status, std::uint64_t steps, std::uint32_t count,
                      std::uint32_t quantity_count, const double* const* quantities);

  std::unique_ptr<lars_optimizer, Destroy> lars_;
  std::vector<void*> values_;
  std::vector<const void*> gradients_;
  StepTelemetry telemetry_;
  std::vector<std::uint32_t> scaled_indices_;
  std::vector<std::string> scaled_names_;
};

}  // namespace large_batch
