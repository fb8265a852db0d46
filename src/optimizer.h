// The optimizer: parameters with their hyper-parameters, and the life of a step.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "buffers.h"
#include "error.h"
#include "executor.h"
#include "hyperparameters.h"
#include "kernels/kernels.h"
#include "momentum_arena.h"
#include "parameter.h"
#include "reduction.h"
#include "trust_ratio.h"
#include "work_list.h"

namespace lars {

enum class NonfinitePolicy : std::int32_t {
  refuse = LARS_NONFINITE_REFUSE,
  skip = LARS_NONFINITE_SKIP,
  propagate = LARS_NONFINITE_PROPAGATE,
};

/// Not thread-safe; capi/ lets one call in at a time. Every function that throws has changed nothing.
class Optimizer {
 public:
  // ---- Parameters
  std::uint32_t add_parameter(const char* name, std::int32_t type, std::uint32_t ndim,
                              const std::int64_t* shape);
  [[nodiscard]] std::uint32_t parameter_count() const {
    return static_cast<std::uint32_t>(parameters_.size());
  }
  [[nodiscard]] bool has_elements() const;
  [[nodiscard]] std::uint32_t parameter_index(std::string_view name) const;
  [[nodiscard]] const Parameter& parameter(std::uint32_t index) const;

  // ---- Hyper-parameters
  void set(const char* selector, Key key, double value);
  void set_if(lars_predicate predicate, void* user, Key key, double value);
  void set_schedule(const char* selector, Key key, const Schedule& schedule);
  void set_schedule_if(lars_predicate predicate, void* user, Key key, const Schedule& schedule);
  [[nodiscard]] double value_at_next_step(std::uint32_t index, Key key);
  void set_nonfinite_policy(NonfinitePolicy policy) { policy_ = policy; }
  void set_kernels(std::string_view name) { kernels_ = &kernel_set(name); }
  [[nodiscard]] const char* kernels_name() const { return kernels_.load()->name; }

  // ---- Steps. Each returns LARS_OK or LARS_SKIPPED; skip_message then says why.
  std::int32_t step(void* const* parameters, const void* const* gradients);
  std::int32_t step_flat(void* parameters, const void* gradients);
  std::int32_t step_parameter(std::uint32_t index, void* parameter, const void* gradient);
  std::int32_t update(const void* const* parameters, const void* const* gradients, void* const* updates);

  // ---- What the steps did
  [[nodiscard]] std::uint64_t step_count() const;
  [[nodiscard]] const LayerNorms& last_norms(std::uint32_t index) const;
  [[nodiscard]] std::uint64_t consecutive_skips() const { return consecutive_skips_; }
  [[nodiscard]] std::uint64_t total_skips() const { return total_skips_; }
  [[nodiscard]] const std::string& skip_message() const { return skip_message_; }

 private:
  /// What a step needs to know of one tensor, besides its buffers.
  struct TensorStep {
    HyperparameterValues values;
    LayerNorms norms;
    double step_scale = 0.0;  // a = -γ r
  };

  /// Parameters first to last - 1: all of them, or one.
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };

  [[nodiscard]] std::vector<std::uint32_t> matches(std::string_view glob) const;
  [[nodiscard]] std::vector<std::uint32_t> matches(lars_predicate predicate, void* user) const;
  template <class Change>
  void change_selected(const char* selector, const Change& change);
  template <class Change>
  void change(const std::vector<std::uint32_t>& indices, const Change& change);

  [[nodiscard]] static Error missing_learning_rate(const Parameter& parameter);
  [[nodiscard]] Range all() const { return {0, parameter_count()}; }
  [[nodiscard]] std::span<const Segment> segments(Range range) const {
    return work_.segments(range.first, range.last);
  }
  [[nodiscard]] std::span<const SumsOfSquares> slots(std::uint32_t index) const {
    return std::span(slots_).subspan(work_.first_slot(index), work_.slot_count(index));
  }
  void prepare();
  std::int32_t take_step(Range range);
  void read_hyperparameters(Range range);
  void sum_squares(Range range);
  void compute_step_scales(Range range);
  LayerNorms norms(std::uint32_t index);
  LayerNorms norms_rescaled(std::uint32_t index, const SumsOfSquares& sums);
  [[nodiscard]] std::string nonfinite_reason(Range range) const;
  void apply_updates(Range range);
  void record(Range range);

  template <class Real>
  void sum_squares(const Segment& segment);
  template <class Real, class Sum>
  void sum_chunks(const Segment& segment, const Sum& sum);
  template <class Real>
  void apply_updates(const Segment& segment);
  template <class Real>
  [[nodiscard]] DecayedGradient<Real> decayed_gradient(std::uint32_t index) const;

  std::deque<Parameter> parameters_;  // a deque: names and shapes given out stay where they are
  std::unordered_map<std::string_view, std::uint32_t> indices_;
  Hyperparameters defaults_;  // of parameters yet to be added
  NonfinitePolicy policy_ = NonfinitePolicy::refuse;
  std::atomic<const KernelSet*> kernels_ = &kernel_set("auto");
  SerialExecutor executor_;

  bool stepped_ = false;    // any parameter has taken a step
  std::uint64_t call_ = 0;  // numbers the calls, for BoundSchedule
  std::uint64_t consecutive_skips_ = 0;
  std::uint64_t total_skips_ = 0;
  std::string skip_message_;

  // Made by prepare for the parameters there are; parameters added later make it stale.
  bool prepared_ = false;
  WorkList work_;
  std::vector<SumsOfSquares> slots_;
  std::vector<TensorBuffers> buffers_;
  std::vector<TensorStep> tensors_;
  MomentumArena momentum_;
  BufferCheck buffer_check_;
};

}  // namespace lars
