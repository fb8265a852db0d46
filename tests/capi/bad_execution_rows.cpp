// Bad input to the functions that choose element types and threads, and that accumulate.
#include <stdexcept>

#include "capi/bad_input_helpers.h"

namespace lars_test {
namespace {

constexpr double kNans[] = {NAN, NAN, NAN, NAN};

std::int32_t fail_to_run(void*, std::uint32_t, lars_task, void*) { return 1; }
std::int32_t throw_in_run(void*, std::uint32_t, lars_task, void*) { throw std::runtime_error("run"); }

/// Makes the call in mid-accumulation: `done` of `of` micro-batches. Forgets them afterwards.
template <class Call>
std::int32_t with_accumulated(World& x, std::uint32_t done, std::uint32_t of, const Call& call) {
  EXPECT_EQ(lars_set_accumulation(x.get(), of), LARS_OK);
  for (std::uint32_t i = 0; i < done; ++i) {
    EXPECT_EQ(lars_accumulate(x.get(), x.w.data(), x.g.data()), LARS_OK) << lars_error_message(x.get());
  }
  const std::int32_t status = call();
  const std::string message = lars_error_message(x.get());
  std::uint32_t still = 0;
  EXPECT_EQ(lars_accumulated(x.get(), &still, nullptr), LARS_OK);
  EXPECT_EQ(still, done) << "the failed call changed what is accumulated";
  EXPECT_EQ(lars_discard_accumulated(x.get()), LARS_OK);
  EXPECT_EQ(lars_set_accumulation(x.get(), 1), LARS_OK);
  EXPECT_EQ(message, lars_error_message(x.get()));
  return status;
}

/// A handle with one tensor large enough for two threads, whose step is run by a host's pool.
std::int32_t step_on_pool(World& x, lars_parallel_for run) {
  x.fresh = make_optimizer();
  lars_optimizer* fresh = x.fresh.get();
  const std::int64_t count = 1 << 18;
  std::vector<float> w(count, 1.0F);
  const std::vector<float> g(count, 1.0F);
  EXPECT_EQ(lars_add_parameter(fresh, "large", LARS_F32, 1, &count, nullptr), LARS_OK);
  EXPECT_EQ(lars_set(fresh, nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  EXPECT_EQ(lars_set_parallel_for(fresh, run, nullptr, 2), LARS_OK);
  const std::int32_t status = lars_step_flat(fresh, w.data(), g.data());
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(fresh, &steps), LARS_OK);
  EXPECT_EQ(steps, 0U);
  EXPECT_EQ(w, std::vector<float>(count, 1.0F));
  return status;
}

/// lars_update on a fresh handle whose only parameter is of that type.
std::int32_t update_of_type(World& x, std::int32_t dtype) {
  x.fresh = make_optimizer();
  lars_optimizer* fresh = x.fresh.get();
  EXPECT_EQ(lars_add_parameter(fresh, "narrow", dtype, 0, nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_set(fresh, nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  std::uint16_t w = 0;
  std::uint16_t g = 0;
  std::uint16_t update = 77;
  const void* ws[] = {&w};
  const void* gs[] = {&g};
  void* updates[] = {&update};
  const std::int32_t status = lars_update(fresh, ws, gs, updates);
  EXPECT_EQ(update, 77);
  return status;
}

}  // namespace

std::vector<Row> execution_rows() {
  // One row, two lines: what is wrong and what is expected; the call.
  // clang-format off
  return {
      {"lars_set_gradient_dtype", "dtype", "unknown", LARS_ERR_TYPE, {"dtype 7", "LARS_F16 (528)", "LARS_BF16 (1040)"},
       [](World& x) { return lars_set_gradient_dtype(x.get(), nullptr, 7); }},
      {"lars_set_gradient_dtype", "dtype", "not for F32", LARS_ERR_TYPE, {"gradient of 'a.bias' cannot be F64", "F32, F16 or BF16"},
       [](World& x) { return lars_set_gradient_dtype(x.get(), "a.bias", LARS_F64); }},
      {"lars_set_gradient_dtype", "dtype", "not for the last", LARS_ERR_TYPE, {"gradient of 'b' cannot be F16", "must be F64"},
       [](World& x) { return lars_set_gradient_dtype(x.get(), nullptr, LARS_F16); }},
      {"lars_set_gradient_dtype", "selector", "matches nothing", LARS_ERR_SELECTOR, {"\"c*\"", "3 parameters"},
       [](World& x) { return lars_set_gradient_dtype(x.get(), "c*", LARS_F16); }},
      {"lars_set_gradient_dtype", "optimizer", "in mid-accumulation", LARS_ERR_STATE, {"1 micro-batches", "lars_discard_accumulated"},
       [](World& x) { return with_accumulated(x, 1, 2, [&] { return lars_set_gradient_dtype(x.get(), "a*", LARS_F16); }); }},
      {"lars_add_parameter", "dtype", "not for the gradients set for all", LARS_ERR_TYPE, {"gradient of 'new' cannot be BF16", "F64"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) {
         EXPECT_EQ(lars_set_gradient_dtype(fresh, nullptr, LARS_BF16), LARS_OK);
         return lars_add_parameter(fresh, "new", LARS_F64, 0, nullptr, nullptr); }); }},
      {"lars_gradient_dtype", "index", "out of range", LARS_ERR_INDEX, {"index 3"},
       [](World& x) { return lars_gradient_dtype(x.get(), 3, &x.dtype); }},
      {"lars_gradient_dtype", "dtype", "NULL", LARS_ERR_ARGUMENT, {"dtype is NULL"},
       [](World& x) { return lars_gradient_dtype(x.get(), 0, nullptr); }},
      {"lars_update", "optimizer", "F16 parameter", LARS_ERR_TYPE, {"'narrow' is F16", "lars_step"},
       [](World& x) { return update_of_type(x, LARS_F16); }},
      {"lars_update", "optimizer", "BF16 parameter", LARS_ERR_TYPE, {"'narrow' is BF16", "lars_step"},
       [](World& x) { return update_of_type(x, LARS_BF16); }},
      {"lars_set_threads", "threads", "too many", LARS_ERR_VALUE, {"threads: 1025", "0 to 1024"},
       [](World& x) { return lars_set_threads(x.get(), 1025); }},
      {"lars_threads", "threads", "NULL", LARS_ERR_ARGUMENT, {"threads is NULL"},
       [](World& x) { return lars_threads(x.get(), nullptr); }},
      {"lars_set_parallel_for", "threads", "too many", LARS_ERR_VALUE, {"threads: 4294967295", "0 to 1024"},
       [](World& x) { return lars_set_parallel_for(x.get(), fail_to_run, nullptr, UINT32_MAX); }},
      {"lars_step_flat", "optimizer", "the host's pool fails", LARS_ERR_CALLBACK, {"parallel_for failed", "nothing was written"},
       [](World& x) { return step_on_pool(x, fail_to_run); }},
      {"lars_step_flat", "optimizer", "the host's pool throws", LARS_ERR_CALLBACK, {"parallel_for failed", "nothing was written"},
       [](World& x) { return step_on_pool(x, throw_in_run); }},
      {"lars_set_accumulation", "micro_batches", "0", LARS_ERR_VALUE, {"micro_batches: 0", "at least 1"},
       [](World& x) { return lars_set_accumulation(x.get(), 0); }},
      {"lars_set_accumulation", "optimizer", "in mid-accumulation", LARS_ERR_STATE, {"1 of 3 micro-batches", "lars_discard_accumulated"},
       [](World& x) { return with_accumulated(x, 1, 3, [&] { return lars_set_accumulation(x.get(), 2); }); }},
      {"lars_accumulate", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return lars_accumulate(x.get(), x.w.data(), nullptr); }},
      {"lars_accumulate", "gradients", "NULL inside", LARS_ERR_ARGUMENT, {"gradient of 'b' (index 2) is NULL"},
       [](World& x) { return with(x.g, 2, nullptr, [&] { return lars_accumulate(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_accumulate", "gradients", "misaligned", LARS_ERR_ALIGNMENT, {"gradient of 'a.weight'", "element size 4"},
       [](World& x) { return with(x.g, 0, shifted(x.g[0], 2), [&] { return lars_accumulate(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_accumulate", "parameters", "NULL when the batch completes", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return lars_accumulate(x.get(), nullptr, x.g.data()); }},
      {"lars_accumulate", "parameters", "NULL inside when the batch completes", LARS_ERR_ARGUMENT, {"parameter of 'a.bias' (index 1) is NULL"},
       [](World& x) { return with(x.w, 1, nullptr, [&] { return lars_accumulate(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_accumulate", "optimizer", "batch is complete", LARS_ERR_STATE, {"batch of 2 micro-batches is complete", "lars_step_accumulated"},
       [](World& x) { return with_accumulated(x, 2, 2, [&] { return lars_accumulate(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_accumulate", "parameters", "NULL when the batch is complete", LARS_ERR_STATE, {"batch of 2 micro-batches is complete", "lars_step_accumulated"},
       [](World& x) { return with_accumulated(x, 2, 2, [&] { return lars_accumulate(x.get(), nullptr, x.g.data()); }); }},
      {"lars_accumulate", "optimizer", "no learning rate when the batch completes", LARS_ERR_STATE, {"learning_rate of 'taken' is not set"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { float w = 1; const float g = 1; const void* ws[] = {&w}; const void* gs[] = {&g}; return lars_accumulate(fresh, ws, gs); }); }},
      {"lars_step_accumulated", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return with_accumulated(x, 1, 1, [&] { return lars_step_accumulated(x.get(), nullptr); }); }},
      {"lars_step_accumulated", "parameters", "NULL inside", LARS_ERR_ARGUMENT, {"parameter of 'b' (index 2) is NULL"},
       [](World& x) { return with_accumulated(x, 1, 1, [&] { return with(x.w, 2, nullptr, [&] { return lars_step_accumulated(x.get(), x.w.data()); }); }); }},
      {"lars_step_accumulated", "parameters", "overlap each other", LARS_ERR_ALIAS, {"parameter of 'a.weight'", "parameter of 'a.bias'"},
       [](World& x) { return with_accumulated(x, 1, 1, [&] { return with(x.w, 1, x.w[0], [&] { return lars_step_accumulated(x.get(), x.w.data()); }); }); }},
      {"lars_step_accumulated", "optimizer", "batch is incomplete", LARS_ERR_STATE, {"2 of 3 micro-batches"},
       [](World& x) { return with_accumulated(x, 2, 3, [&] { return lars_step_accumulated(x.get(), x.w.data()); }); }},
      {"lars_step_accumulated", "optimizer", "NaN was accumulated", LARS_ERR_NONFINITE, {"the gradient of 'b' (index 2) holds NaN or Inf in 4 of 4 elements"},
       [](World& x) { return with(x.g, 2, static_cast<const void*>(kNans), [&] { return with_accumulated(x, 1, 1, [&] { return lars_step_accumulated(x.get(), x.w.data()); }); }); }},
      {"lars_add_parameter", "optimizer", "after an accumulation", LARS_ERR_STATE, {"'new' comes too late", "accumulation"},
       [](World& x) { return with_accumulated(x, 1, 2, [&] { return lars_add_parameter(x.get(), "new", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_set_carry_norms", "carry", "neither 0 nor 1", LARS_ERR_ARGUMENT, {"carry: 2", "0 or 1"},
       [](World& x) { return lars_set_carry_norms(x.get(), 2); }},
  };
  // clang-format on
}

}  // namespace lars_test
