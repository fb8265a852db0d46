// The passes over memory: norms, update, accumulation. Each walks the segments of the work list on whatever
// the executor has, and hands runs of elements to the kernels.
#include <algorithm>
#include <array>

#include "optimizer.h"

namespace lars {
namespace {

const void* element(const void* buffer, std::size_t size, std::uint64_t index) {
  return static_cast<const std::byte*>(buffer) + index * size;
}

void* element(void* buffer, std::size_t size, std::uint64_t index) {
  return static_cast<std::byte*>(buffer) + index * size;
}

template <class Real>
DecayedGradient<Real> rounded(const DecayedGradient<double>& term) {
  return {static_cast<Real>(term.gradient_scale), static_cast<Real>(term.weight_decay), term.decay};
}

}  // namespace

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
  SumsOfSquares total;
  if (segment.count <= kChunk) {
    total = sum(segment.first_element, segment.count);
  } else {
    std::array<SumsOfSquares, kSegmentChunks> chunks;
    std::size_t chunk = 0;
    for (std::uint64_t first = 0; first < segment.count; first += kChunk) {
      chunks[chunk++] = sum(segment.first_element + first, std::min(kChunk, segment.count - first));
    }
    total = add_slots(std::span(chunks).first(chunk));
  }
  if (which != Sums::update) slots_[segment_index].weight = total.weight;
  if (which != Sums::weight) slots_[segment_index].update = total.update;
}

Weights Optimizer::weights(std::uint32_t index, std::uint64_t first) const {
  const ElementType type = tensors_[index].type;
  return {element(buffers_[index].parameter, element_size(type), first),
          element(static_cast<const void*>(masters_.buffer(index)), master_size(type), first)};
}

// ---- Pass 1: sums of squares ----------------------------------------------------------------------------

bool Optimizer::sum_squares(Range range) {
  if (!find_missing_sums(range)) return true;
  const bool succeeded = for_each_segment(range, Order::forward, [this](std::size_t segment_index) {
    const std::uint32_t index = work_.segment(segment_index).parameter;
    if (tensors_[index].missing == Sums::none) return;
    with_compute_type(tensors_[index].type, [&](auto zero) {
      sum_chunks(segment_index, tensors_[index].missing, [&](std::uint64_t first, std::uint64_t count) {
        return sum_chunk<decltype(zero)>(index, buffers_[index].gradient, gradient_type(index), first, count);
      });
    });
  });
  remember_sums(range, buffers_[range.first].accumulated);
  return succeeded;
}

/// The missing sums of one chunk. `gradient` is the tensor's whole gradient, of that type.
template <class Real>
SumsOfSquares Optimizer::sum_chunk(std::uint32_t index, const void* gradient, ElementType gradient_type,
                                   std::uint64_t first, std::uint64_t count) const {
  const KernelTable<Real>& kernels =
      kernels_.load(std::memory_order_relaxed)->table<Real>(tensors_[index].type, gradient_type);
  const TensorStep& tensor = tensors_[index];
  const auto term = rounded<Real>(tensor.term);
  const void* run = element(gradient, element_size(gradient_type), first);
  switch (tensor.missing) {
    case Sums::none: break;
    case Sums::weight: return {kernels.sum_weight_squares(weights(index, first), count), 0.0};
    case Sums::update: return {0.0, kernels.sum_update_squares(term, weights(index, first), run, count)};
    case Sums::both: return kernels.sum_squares(term, weights(index, first), run, count);
  }
  return {};
}

/// Notes which sums the slots do not have already. False if they have all.
bool Optimizer::find_missing_sums(Range range) {
  bool any = false;
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const TensorBuffers& buffers = buffers_[index];
    const KnownSums& known = known_[index];
    const bool weight = known.weight_of == buffers.parameter && (carry_norms_ || buffers.accumulated);
    const bool update =
        known.update_of == buffers.parameter && buffers.accumulated && known.term == tensors_[index].term;
    tensors_[index].missing =
        weight ? (update ? Sums::none : Sums::update) : (update ? Sums::weight : Sums::both);
    any = any || tensors_[index].missing != Sums::none;
  }
  return any;
}

/// Notes what the slots have, after the missing sums were formed: those of accumulated gradients and carried
/// weights outlast the step if it is refused.
void Optimizer::remember_sums(Range range, bool of_accumulators) {
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    const void* parameter = buffers_[index].parameter;
    known_[index] = {carry_norms_ || of_accumulators ? parameter : nullptr,
                     of_accumulators ? parameter : nullptr, tensors_[index].term};
  }
}

/// The sums of a binary64 tensor, its elements scaled. They are good for this step only.
void Optimizer::sum_rescaled_squares(std::uint32_t index, const SumsOfSquares& scale) {
  known_[index] = {};
  const TensorBuffers& buffers = buffers_[index];
  for_each_segment({index, index + 1}, Order::forward, [&](std::size_t segment) {
    sum_chunks(segment, Sums::both, [&](std::uint64_t first, std::uint64_t count) {
      return lars::sum_rescaled_squares(
          tensors_[index].term, static_cast<const double*>(buffers.parameter) + first,
          static_cast<const double*>(buffers.gradient) + first, count, scale.weight, scale.update);
    });
  });
}

// ---- Pass 2: update -------------------------------------------------------------------------------------

/// Backward: what pass 1 read last is still in cache.
void Optimizer::apply_updates(Range range) {
  for_each_segment(range, Order::backward, [this](std::size_t segment) {
    with_compute_type(tensors_[work_.segment(segment).parameter].type,
                      [&](auto zero) { apply_updates<decltype(zero)>(segment); });
  });
  for (std::uint32_t index = range.first; index < range.last; ++index) {
    known_[index].weight_of = carry_norms_ ? buffers_[index].in_place : nullptr;
    known_[index].update_of = nullptr;
  }
}

template <class Real>
void Optimizer::apply_updates(std::size_t segment_index) {
  const Segment& segment = work_.segment(segment_index);
  const std::uint32_t index = segment.parameter;
  const TensorBuffers& buffers = buffers_[index];
  const TensorStep& tensor = tensors_[index];
  const ElementType type = tensors_[index].type;
  const KernelTable<Real>& kernels =
      kernels_.load(std::memory_order_relaxed)->table<Real>(type, gradient_type(index));
  const MomentumUpdate<Real> term = {rounded<Real>(tensor.term), static_cast<Real>(tensor.step_scale),
                                     static_cast<Real>(tensor.values[Key::momentum]),
                                     tensor.values.flag(Key::nesterov)};
  auto* momentum = static_cast<Real*>(momentum_.buffer(index));
  const auto gradient = [&](std::uint64_t first) {
    return element(buffers.gradient, element_size(gradient_type(index)), first);
  };
  if (buffers.in_place == nullptr) {
    const std::uint64_t first = segment.first_element;
    kernels.write(term, weights(index, first), gradient(first), momentum + first,
                  static_cast<Real*>(buffers.update) + first, segment.count);
    return;
  }
  const auto apply = [&](std::uint64_t first, std::uint64_t count) {
    kernels.apply(term,
                  {element(buffers.in_place, element_size(type), first),
                   element(masters_.buffer(index), master_size(type), first)},
                  gradient(first), momentum + first, count);
  };
  if (!carry_norms_) return apply(segment.first_element, segment.count);
  sum_chunks(segment_index, Sums::weight, [&](std::uint64_t first, std::uint64_t count) {
    apply(first, count);
    return SumsOfSquares{kernels.sum_weight_squares(weights(index, first), count), 0.0};
  });
}

// ---- Accumulation ---------------------------------------------------------------------------------------

/// Adds the gradients to the accumulators; when that completes the batch, forms the sums on the way, chunk by
/// chunk while it is in cache.
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
  const TensorStep& tensor = tensors_[index];
  const KernelTable<Real>& kernels =
      kernels_.load(std::memory_order_relaxed)->table<Real>(tensor.type, tensor.gradient_type);
  auto* accumulator = static_cast<Real*>(accumulators_.buffer(index));
  const auto accumulate = [&](std::uint64_t first, std::uint64_t count) {
    kernels.accumulate(element(buffers_[index].gradient, element_size(tensor.gradient_type), first),
                       accumulator + first, accumulated_ == 0, count);
  };
  if (!completes_batch()) return accumulate(segment.first_element, segment.count);
  sum_chunks(segment_index, tensor.missing, [&](std::uint64_t first, std::uint64_t count) {
    accumulate(first, count);
    return sum_chunk<Real>(index, accumulator, compute_type(tensor.type), first, count);
  });
}

}  // namespace lars
