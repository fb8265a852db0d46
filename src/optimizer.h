// The optimizer: parameters with their hyper-parameters, and the life of a step.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
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
#include "parameter.h"
#include "reduction.h"
#include "telemetry.h"
#include "tensor_memory.h"
#include "trust_ratio.h"
#include "work_list.h"

namespace lars {

enum class NonfinitePolicy : std::int32_t {
  refuse = LARS_NONFINITE_REFUSE,
  skip = LARS_NONFINITE_SKIP,
  propagate = LARS_NONFINITE_PROPAGATE,
};

template <class Real>
struct TensorView;

/// Where the last step that was refused or skipped found NaN or Inf: the first such tensor.
struct Nonfinite {
  std::uint32_t index = 0;
  std::uint64_t parameter_elements = 0;
  std::uint64_t gradient_elements = 0;
};

/// What a checkpoint holds of an optimizer as a whole, and a load replaces as a whole. What is added here
/// must be written and read in checkpoint/metadata.cpp, too.
struct PersistentState {
  Hyperparameters defaults_;                                    // of parameters yet to be added
  double clip_norm_ = std::numeric_limits<double>::infinity();  // of all gradients together
  NonfinitePolicy policy_ = NonfinitePolicy::refuse;
  std::uint64_t most_skips_ = 0;  // in a row; 0: no limit
  std::uint64_t consecutive_skips_ = 0;
  std::uint64_t total_skips_ = 0;
  std::uint32_t micro_batches_ = 1;
  std::uint32_t accumulated_ = 0;
  bool started_ = false;         // a step was taken, or a micro-batch accumulated
  std::vector<Record> records_;  // by parameter
};

/// Not thread-safe; capi/ lets one call in at a time. Every function that throws has changed nothing.
class Optimizer : private PersistentState {
 public:
  /// Reads LARS_KERNELS and LARS_NUM_THREADS; what is wrong with them the first step reports.
  Optimizer();

  // ---- Parameters
  std::uint32_t add_parameter(const char* name, std::int32_t type, std::uint32_t ndim,
                              const std::int64_t* shape);
  [[nodiscard]] std::uint32_t parameter_count() const {
    return static_cast<std::uint32_t>(parameters_.size());
  }
  [[nodiscard]] bool has_elements() const { return element_count_ > 0; }
  [[nodiscard]] std::uint32_t parameter_index(std::string_view name) const;
  [[nodiscard]] const Parameter& parameter(std::uint32_t index) const;
  void set_gradient_type(const char* selector, ElementType type);
  [[nodiscard]] const std::deque<Parameter>& parameters() const { return parameters_; }

  // ---- Hyper-parameters
  void set(const char* selector, Key key, double value);
  void set_if(lars_predicate predicate, void* user, Key key, double value);
  void set_schedule(const char* selector, Key key, const Schedule& schedule);
  void set_schedule_if(lars_predicate predicate, void* user, Key key, const Schedule& schedule);
  [[nodiscard]] double value_at_next_step(std::uint32_t index, Key key);
  void set_variant(std::int32_t variant);
  void set_mlperf_resnet50(std::uint64_t batch, std::uint64_t steps_per_epoch);
  void set_gradient_clip(double max_norm);
  [[nodiscard]] double gradient_clip() const { return clip_norm_; }
  void set_nonfinite_policy(NonfinitePolicy policy) { policy_ = policy; }
  [[nodiscard]] NonfinitePolicy nonfinite_policy() const { return policy_; }
  void set_max_consecutive_skips(std::uint64_t most) { most_skips_ = most; }
  [[nodiscard]] std::uint64_t max_consecutive_skips() const { return most_skips_; }

  // ---- What steps run on
  void set_kernels(std::string_view name);
  [[nodiscard]] const char* kernels_name() const { return kernels_.load()->name; }
  void set_threads(std::uint32_t threads);
  void set_parallel_for(lars_parallel_for run, void* user, std::uint32_t threads);
  [[nodiscard]] std::uint32_t threads() const { return executor_.threads_for(element_count_); }

  // ---- Steps. Each returns LARS_OK or LARS_SKIPPED; skip_message then says why.
  std::int32_t step(void* const* parameters, const void* const* gradients);
  std::int32_t step_flat(void* parameters, const void* gradients);
  std::int32_t step_parameter(std::uint32_t index, void* parameter, const void* gradient);
  std::int32_t update(const void* const* parameters, const void* const* gradients, void* const* updates);
  std::int32_t step_external(void* const* parameters, const void* const* gradients, void* const* momentum,
                             void* const* masters);
  std::int32_t update_external(const void* const* parameters, const void* const* gradients,
                               void* const* momentum, void* const* updates);

  // ---- Accumulation
  void set_accumulation(std::uint32_t micro_batches);
  void accumulate(const void* const* parameters, const void* const* gradients);
  std::int32_t step_accumulated(void* const* parameters);
  void discard_accumulated() { accumulated_ = 0; }
  [[nodiscard]] std::uint32_t accumulated() const { return accumulated_; }
  [[nodiscard]] std::uint32_t micro_batches() const { return micro_batches_; }
  /// Whether the next call of accumulate completes a batch, and so looks at the parameters.
  [[nodiscard]] bool completes_batch() const { return accumulated_ + std::uint64_t{1} == micro_batches_; }
  void set_carry_norms(bool carry);
  [[nodiscard]] bool carry_norms() const { return carry_norms_; }
  void parameters_changed();

  // ---- What the steps did
  [[nodiscard]] std::uint64_t step_count() { return least_steps_.of(records_); }
  [[nodiscard]] std::uint64_t step_count(std::uint32_t index) const;
  void set_step_count(std::uint32_t index, std::uint64_t steps);
  [[nodiscard]] const LayerNorms& last_norms(std::uint32_t index) const;
  [[nodiscard]] std::uint64_t consecutive_skips() const { return consecutive_skips_; }
  [[nodiscard]] std::uint64_t total_skips() const { return total_skips_; }
  [[nodiscard]] const std::string& skip_message() const { return skip_message_; }
  [[nodiscard]] const Nonfinite& nonfinite() const;
  void set_gradient_norms(bool wanted) { gradient_norms_ = wanted; }
  [[nodiscard]] bool gradient_norms() const { return gradient_norms_; }
  void telemetry(Quantity quantity, double* values) const;
  void set_observer(lars_observer observer, void* user);

 private:
  friend class Checkpoint;

  /// The tensors that the library keeps.
  struct State {
    TensorMemory momentum;
    TensorMemory masters;
    TensorMemory accumulators;
  };

  /// What a step needs to know of one tensor, besides its buffers.
  struct TensorStep {
    HyperparameterValues values;
    ElementType type = ElementType::f32;           // of the parameter
    ElementType gradient_type = ElementType::f32;  // of the caller's gradient
    DecayedGradient<double> term = {};             // that whose norm is taken: u, or d
    DecayedGradient<double> update_term = {};      // that which enters the momentum
    Sums missing = Sums::both;                     // those that pass 1 must form
    bool decay = false;                            // λ w plays a part
    double cosine = 0.0;                           // of d and w, where all moments were formed
    double clip_scale = 1.0;                       // of d, by its global norm
    LayerNorms norms;
    StepScales scales = {};
  };

  /// The sums in a tensor's slots that hold for the next step, and of what.
  struct KnownSums {
    const void* weight_of = nullptr;    // the parameter whose weight sums the slots have; null: none
    const void* update_of = nullptr;    // the parameter with which the accumulators' other sums were formed
    DecayedGradient<double> term = {};  // and the term
    bool all = false;                   // all four

    bool operator==(const KnownSums&) const = default;
  };

  /// Parameters first to last - 1: all of them, or some.
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };

  [[nodiscard]] std::vector<std::uint32_t> everyone() const;
  [[nodiscard]] std::vector<std::uint32_t> matches(std::string_view glob) const;
  [[nodiscard]] std::vector<std::uint32_t> matches(lars_predicate predicate, void* user) const;
  template <class Change>
  void change_selected(const char* selector, const Change& change);
  template <class Change>
  void change(const std::vector<std::uint32_t>& indices, const Change& change);
  void hyperparameters_changed();

  void prepare();
  void prepare_tables();
  [[nodiscard]] State allocate_state(bool accumulators) const;
  [[nodiscard]] TensorMemory allocate_accumulators() const;

  // The life of a step (optimizer.cpp).
  [[nodiscard]] Range all() const { return {0, parameter_count()}; }
  void prepare_own_step(std::uint64_t elements);
  void prepare_external_step();
  void set_own_state(Range range);
  void refuse_updates_of_masters() const;
  std::int32_t start_step(Range range, BufferCheck::Use use);
  std::int32_t start_external_step(BufferCheck::Use use);
  void read_hyperparameters(Range range, std::uint32_t micro_batches);
  static void read_terms(TensorStep& tensor, std::uint32_t micro_batches);
  void check_buffers(Range range, BufferCheck::Use use);
  std::int32_t take_step(Range range);
  [[nodiscard]] Range next_part(Range rest) const;
  [[nodiscard]] bool compute_step_scales(Range range);
  void read_norms(std::uint32_t index);
  Moments trusted_moments(std::uint32_t index, Rescale& rescale);
  [[nodiscard]] double global_clip_scale() const;
  static void finish_norms(TensorStep& tensor);
  [[nodiscard]] static double tested_norm(const TensorStep& tensor);
  [[nodiscard]] bool clips() const { return clip_norm_ != std::numeric_limits<double>::infinity(); }
  /// Whether ‖d‖ must be known where the denominator's norm is another.
  [[nodiscard]] bool wants_moments(const TensorStep& tensor) const {
    return tensor.term.decay && (clips() || gradient_norms_);
  }
  [[nodiscard]] bool is_finite(const TensorStep& tensor) const;
  [[nodiscard]] static std::optional<double> update_bound(const TensorStep& tensor);
  [[nodiscard]] std::string nonfinite_reason(Range range);
  [[nodiscard]] static Error missing_learning_rate(const Parameter& parameter);
  std::int32_t skip(Range range);
  void record(Range range);
  void notify(std::int32_t status, Range range);

  // The passes over memory (optimizer_passes.cpp).
  void sum_squares(Range range);
  void apply_updates(Range range);
  void accumulate_gradients();
  void sum_rescaled_moments(std::uint32_t index, const Rescale& rescale);
  bool find_missing_sums(Range range);
  [[nodiscard]] Sums missing_sums(std::uint32_t index) const;
  [[nodiscard]] Sums all_sums(std::uint32_t index) const;
  void remember_sums(Range range, bool of_accumulators);
  void remember_new_sums(Range range);
  template <class Body>
  bool for_each_segment(Range range, Order order, const Body& body);
  template <class Sum>
  void sum_chunks(std::size_t segment, Sums which, const Sum& sum);
  template <class Real>
  void sum_squares(std::size_t segment);
  template <class Real>
  void apply_updates(std::size_t segment);
  template <class Real>
  void accumulate_gradients(std::size_t segment);
  template <class Real>
  [[nodiscard]] TensorView<Real> view(std::uint32_t index) const;
  [[nodiscard]] ElementType gradient_type(std::uint32_t index) const {
    const TensorStep& tensor = tensors_[index];
    return buffers_[index].accumulated ? compute_type(tensor.type) : tensor.gradient_type;
  }
  [[nodiscard]] std::span<const Moments> slots(std::uint32_t index) const {
    const SegmentRange segments = work_.segments(index, index + 1);
    return std::span(slots_).subspan(segments.first, segments.last - segments.first);
  }

  std::deque<Parameter> parameters_;  // a deque: names and shapes given out stay where they are
  std::unordered_map<std::string_view, std::uint32_t> indices_;
  std::uint64_t element_count_ = 0;  // of all parameters
  std::optional<ElementType> default_gradient_type_;
  bool gradient_norms_ = false;  // asked for
  std::atomic<const KernelSet*> kernels_ = &kernel_set("auto");
  Executor executor_;
  std::optional<Error> kernels_error_;  // what is wrong with LARS_KERNELS
  std::optional<Error> threads_error_;  // and with LARS_NUM_THREADS

  LeastSteps least_steps_;
  std::uint64_t call_ = 0;  // numbers the calls, for BoundSchedule
  std::string skip_message_;
  std::optional<Nonfinite> nonfinite_;
  lars_observer observer_ = nullptr;
  void* observer_user_ = nullptr;
  Telemetry telemetry_;

  bool external_ = false;  // with a state that the caller keeps
  bool carry_norms_ = false;
  bool any_sums_known_ = false;  // known_ has had an entry
  bool pool_failed_ = false;     // the host's, in pass 1 of this step

  // tensors_ has values and terms of steps that take so many micro-batches, but for what schedules have
  // changed since. 0: they must be read.
  std::uint32_t values_hold_for_ = 0;
  // Made for the parameters there are; parameters added later make them stale.
  bool tables_ready_ = false;  // by prepare_tables: all from here to by_name_
  bool have_state_ = false;    // by prepare: the tables, and state_
  bool scheduled_ = false;     // any hyper-parameter follows a schedule
  WorkList work_;
  std::vector<Moments> slots_;  // by segment
  std::vector<TensorBuffers> buffers_;
  std::vector<TensorStep> tensors_;
  std::vector<KnownSums> known_;
  std::vector<std::uint32_t> by_name_;  // indices in order of name
  State state_;
  bool have_accumulators_ = false;
  BufferCheck buffer_check_;
};

}  // namespace lars
