// The passes over memory: norms, update, accumulation. Each walks the segments of the work list on whatever
// the executor has, and hands runs of elements to the kernels.
#include <algorithm>
#include <array>
#include <limits>

#include "optimizer.h"

namespace lars {
namespace {

const void* element(const void* buffer, std::size_t size, std::uint64_t index) {
  return static_cast<const std::byte*>(buffer) + index * size;
}

void* element(void* buffer, std::size_t size, std::uint64_t index) {
  return static_cast<std::byte*>(buffer) + index * size;
}

/// A term in the compute type, its d multiplied by clip_scale. What takes no part is left out rather than
/// converted, which could overflow; a limit beyond the type's numbers limits nothing.
template <class Real>
DecayedGradient<Real> rounded(const DecayedGradient<double>& term, double clip_scale) {
  const bool limits = term.clip && term.limit <= double{std::numeric_limits<Real>::max()};
  return {static_cast<Real>(term.clip ? term.gradient_scale : term.gradient_scale * clip_scale),
          term.decay ? static_cast<Real>(term.weight_decay) : Real{0},
          term.decay,
          term.clip,
          limits ? static_cast<Real>(term.limit) : std::numeric_limits<Real>::infinity(),
          static_cast<Real>(clip_scale)};
}

}  // namespace

/// One tensor in one step, as the kernels see it.
template <class Real>
struct TensorView {
  const KernelTable<Real>& kernels;
  DecayedGradient<Real> term;
  const void* parameter;
  void* master;
  const void* gradient;
  std::size_t parameter_size;  // bytes an element
  std::size_t master_size;
  std::size_t gradient_size;

  // What there is from element `first` on.
  [[nodiscard]] Weights weights(std::uint64_t first) const {
    return {element(parameter, parameter_size, first), element(master, master_size, first)};
  }
  [[nodiscard]] MutableWeights weights(void* in_place, std::uint64_t first) const {
    return {element(in_place, parameter_size, first), element(master, master_size, first)};
  }
  [[nodiscard]] const void* gradient_from(std::uint64_t first) const {
    return element(gradient, gradient_size, first);
  }
};

template <class Real>
TensorView<Real> Optimizer::view(std::uint32_t index) const {
  const TensorStep& tensor = tensors_[index];
  const ElementType gradient_type = this->gradient_type(index);
  const KernelSet& kernels = *kernels_.load(std::memory_order_relaxed);
  return {kernels.table<Real>(tensor.type, gradient_type),
          rounded<Real>(tensor.term, 1.0),
          buffers_[index].parameter,
          buffers_[index].master,
          buffers_[index].gradient,
          element_size(tensor.type),
          master_size(tensor.type),
          element_size(gradient_type)};
}

// ---- Segments and chunks --------------------------------------------------------------------------------

/// Calls body(segment index) for the segments of the range, unit by unit.
template <class Body>
bool Optimizer::for_each_segment(Range range, Order order, const Body& body) {
  const SegmentRange segments = work_.segments(range.first, range.last);
  return executor_.for_each(work_.unit_count(segments), work_.elements(range.first, range.last), order,
                            [&](std::size_t index) {
                              const SegmentRange unit = work_.unit(segments, index);
                              for (std::size_t i = unit.first; i < unit.last; ++i) body(i);
                            });
}

/// Puts what sum(first element, count) returns for each chunk in the slot of the segment.
template <class Sum>
void Optimizer::sum_chunks(std::size_t segment_index, Sums which, const Sum& sum) {
  const Segment& segment = work_.segment(segment_index);
  Moments total;
  if (segment.count <= kChunk) {
    total = sum(segment.first_element, segment.count);
  } else {
    std::array<Moments, kSegmentChunks> chunks;
    std::size_t chunk = 0;
    for (std::uint64_t first = 0; first < segment.count; first += kChunk) {
      chunks[chunk++] = sum(segment.first_element + first, std::min(kChunk, segment.count - first));
    }
    total = add_slots(std::span(chunks).first(chunk));
  }
  Moments& slot = slots_[segment_index];
  if (which == Sums::update) total.weight = slot.weight;
  if (which == Sums::weight) {
    slot.weight = total.weight;
  } else {
    slot = total;
  }
}

// ---- Pass 1: sums of squares ----------------------------------------------------------------------------

void Optimizer::sum_squares(Range range) {
  if (!find_missing_sums(range)) return;
  const bool succeeded = for_each_segment(range, Order::forward, [this](std::size_t segment) {
    with_compute_type(tensors_[work_.segment(segment).parameter].type,
                      [&](auto zero) { sum_squares<decltype(zero)>(segment); });
  });
  remember_sums(range, buffers_[range.first].accumulated);
  pool_failed_ = pool_failed_ || !succeeded;
}

template <class Real>
void Optimizer::sum_squares(std::size_t segment) {
  const std::uint32_t index = work_.segment(segment).parameter;
  const Sums missing = tensors_[index].missing;
  if (missing == Sums::none) return;
  const TensorView<Real> tensor = view<Real>(index);
  sum_chunks(segment, missing, [&](std::uint64_t first, std::uint64_t count) {
    return tensor.kernels.sum(missing, tensor.term, tensor.weights(first), tensor.gradient_from(first),
                              count);
  });
}

/// Notes which sums the slots do not have already. False if they have all.
bool Optimizer::find_missing_sums(Range range) {
  bool any = false;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    Sums& missing = tensors_[index].missing;
    missing = any_sums_known_ ? missing_sums(index) : all_sums(index);
    any = any || missing != Sums::none;
  }
  return any;
}

Sums Optimizer::missing_sums(std::uint32_t index) const {
  const TensorBuffers& buffers = buffers_[index];
  const KnownSums& known = known_[index];
  const bool weight = known.weight_of == buffers.parameter && (carry_norms_ || buffers.accumulated);
  const bool update =
      known.update_of == buffers.parameter && buffers.accumulated && known.term == tensors_[index].term;
  if (all_sums(index) == Sums::all) return weight && update && known.all ? Sums::none : Sums::all;
  if (weight) return update ? Sums::none : Sums::update;
  return update ? Sums::weight : Sums::both;
}

Sums Optimizer::all_sums(std::uint32_t index) const {
  return wants_moments(tensors_[index]) ? Sums::all : Sums::both;
}

/// Notes what the slots have, after the missing sums were formed: those of accumulated gradients and carried
/// weights outlast the step if it is refused.
void Optimizer::remember_sums(Range range, bool of_accumulators) {
  const bool worth_it = carry_norms_ || of_accumulators;
  if (!worth_it && !any_sums_known_) return;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const void* parameter = worth_it ? buffers_[index].parameter : nullptr;
    known_[index] = {parameter, of_accumulators ? parameter : nullptr, tensors_[index].term,
                     wants_moments(tensors_[index])};
  }
  any_sums_known_ = any_sums_known_ || worth_it;
}

/// Notes what the slots have after the update: of carried weights the new sums.
void Optimizer::remember_new_sums(Range range) {
  if (!carry_norms_ && !any_sums_known_) return;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    known_[index].weight_of = carry_norms_ ? buffers_[index].in_place : nullptr;
    known_[index].update_of = nullptr;
  }
  any_sums_known_ = true;
}

/// The moments of a binary64 tensor, its elements scaled. They are good for this step only.
void Optimizer::sum_rescaled_moments(std::uint32_t index, const Rescale& rescale) {
  known_[index] = {};
  const TensorBuffers& buffers = buffers_[index];
  const bool succeeded = for_each_segment({index, index + 1}, Order::forward, [&](std::size_t segment) {
    sum_chunks(segment, Sums::all, [&](std::uint64_t first, std::uint64_t count) {
      return lars::sum_rescaled_moments(tensors_[index].term,
                                        static_cast<const double*>(buffers.parameter) + first,
                                        static_cast<const double*>(buffers.gradient) + first, count, rescale);
    });
  });
  pool_failed_ = pool_failed_ || !succeeded;
}

// ---- Pass 2: update -------------------------------------------------------------------------------------

/// Backward: what pass 1 read last is still in cache.
void Optimizer::apply_updates(Range range) {
  for_each_segment(range, Order::backward, [this](std::size_t segment) {
    with_compute_type(tensors_[work_.segment(segment).parameter].type,
                      [&](auto zero) { apply_updates<decltype(zero)>(segment); });
  });
  remember_new_sums(range);
}

template <class Real>
void Optimizer::apply_updates(std::size_t segment_index) {
  const Segment& segment = work_.segment(segment_index);
  const std::uint32_t index = segment.parameter;
  const TensorBuffers& buffers = buffers_[index];
  const TensorStep& step = tensors_[index];
  const TensorView<Real> tensor = view<Real>(index);
  const MomentumUpdate<Real> term = {
      rounded<Real>(step.update_term, step.clip_scale), static_cast<Real>(step.scales.step),
      static_cast<Real>(step.values[Key::momentum]),    step.values.flag(Key::nesterov),
      static_cast<Real>(step.scales.nesterov),          static_cast<Real>(step.scales.update)};
  auto* momentum = static_cast<Real*>(buffers.momentum);
  const std::uint64_t first = segment.first_element;
  if (buffers.in_place == nullptr) {
    auto* update = static_cast<Real*>(buffers.update);
    tensor.kernels.write(term, tensor.weights(first), tensor.gradient_from(first), momentum + first,
                         update + first, segment.count);
  } else if (!carry_norms_) {
    tensor.kernels.apply(term, tensor.weights(buffers.in_place, first), tensor.gradient_from(first),
                         momentum + first, segment.count);
  } else {
    sum_chunks(segment_index, Sums::weight, [&](std::uint64_t from, std::uint64_t count) -> Moments {
      return {tensor.kernels.apply_and_sum(term, tensor.weights(buffers.in_place, from),
                                           tensor.gradient_from(from), momentum + from, count)};
    });
  }
}

// ---- Accumulation ---------------------------------------------------------------------------------------

/// Adds the gradients to the accumulators; when that completes the batch, forms the sums on the way.
void Optimizer::accumulate_gradients() {
  if (completes_batch()) find_missing_sums(all());
  for_each_segment(all(), Order::forward, [this](std::size_t segment) {
    with_compute_type(tensors_[work_.segment(segment).parameter].type,
                      [&](auto zero) { accumulate_gradients<decltype(zero)>(segment); });
  });
  if (completes_batch()) remember_sums(all(), true);
}

template <class Real>
void Optimizer::accumulate_gradients(std::size_t segment_index) {
  const Segment& segment = work_.segment(segment_index);
  const std::uint32_t index = segment.parameter;
  const TensorView<Real> tensor = view<Real>(index);
  auto* accumulator = static_cast<Real*>(state_.accumulators.buffer(index));
  const bool is_first = accumulated_ == 0;
  if (!completes_batch()) {
    const std::uint64_t first = segment.first_element;
    return tensor.kernels.accumulate(tensor.gradient_from(first), accumulator + first, is_first,
                                     segment.count);
  }
  const Sums missing = tensors_[index].missing;
  sum_chunks(segment_index, missing, [&](std::uint64_t first, std::uint64_t count) {
    return tensor.kernels.accumulate_and_sum(missing, tensor.term, tensor.weights(first),
                                             tensor.gradient_from(first), accumulator + first, is_first,
                                             count);
  });
}

}  // namespace lars
