// Bad input to the functions that take an optimizer.
#include <array>
#include <cmath>
#include <stdexcept>
#include <thread>

#include "capi/bad_input_helpers.h"
#include "capi/bad_schedules.h"

namespace lars_test {
namespace {

constexpr float kNans[] = {NAN, NAN, NAN, NAN, NAN, NAN};

std::int32_t select_none(void*, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                         const std::int64_t*) {
  return 0;
}
std::int32_t select_and_fail(void*, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                             const std::int64_t*) {
  return -1;
}
std::int32_t select_and_fail_at_b(void*, std::uint32_t index, const char*, std::int32_t, std::uint32_t,
                                  const std::int64_t*) {
  return index == 2 ? 2 : 1;
}
std::int32_t select_and_throw(void*, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                              const std::int64_t*) {
  throw std::runtime_error("predicate");
}

/// Makes the call while the learning rate follows a callback, and sets it back.
template <class Call>
std::int32_t with_schedule(World& x, lars_schedule_function function, const Call& call) {
  const ScheduleHandle callback = make_schedule(lars_schedule_callback, function, nullptr);
  EXPECT_EQ(lars_set_schedule(x.get(), nullptr, LARS_LEARNING_RATE, callback.get()), LARS_OK);
  const std::int32_t status = call();
  x.trainee.set(LARS_LEARNING_RATE, 0.5);
  return status;
}

/// A valid call of every function that takes an optimizer and returns a status.
struct Call {
  const char* function;
  std::int32_t (*make)(World& x, lars_optimizer* o);
};

const std::vector<Call> kCalls = {
    // clang-format off
      {"lars_add_parameter", [](World&, lars_optimizer* o) { return lars_add_parameter(o, "new", LARS_F32, 0, nullptr, nullptr); }},
      {"lars_parameter_count", [](World& x, lars_optimizer* o) { return lars_parameter_count(o, &x.number); }},
      {"lars_parameter_index", [](World& x, lars_optimizer* o) { return lars_parameter_index(o, "b", &x.number); }},
      {"lars_parameter_info", [](World& x, lars_optimizer* o) { return lars_parameter_info(o, 0, nullptr, nullptr, &x.number, nullptr); }},
      {"lars_set_gradient_dtype", [](World&, lars_optimizer* o) { return lars_set_gradient_dtype(o, "a*", LARS_F16); }},
      {"lars_check_arrays", [](World&, lars_optimizer* o) { return lars_check_arrays(o, LARS_ROLE_PARAMETER, 0, nullptr, nullptr); }},
      {"lars_check_array", [](World&, lars_optimizer* o) { return lars_check_array(o, LARS_ROLE_PARAMETER, 0, LARS_F32, 6); }},
      {"lars_check_flat", [](World&, lars_optimizer* o) { return lars_check_flat(o, LARS_ROLE_PARAMETER, LARS_F32, 12); }},
      {"lars_step_external", [](World& x, lars_optimizer* o) { return lars_step_external(o, x.w.data(), x.g.data(), x.updates.data(), nullptr); }},
      {"lars_update_external", [](World& x, lars_optimizer* o) { return lars_update_external(o, x.w.data(), x.g.data(), x.updates.data(), x.updates.data()); }},
      {"lars_set_parameter_step_count", [](World&, lars_optimizer* o) { return lars_set_parameter_step_count(o, 0, 1); }},
      {"lars_gradient_dtype", [](World& x, lars_optimizer* o) { return lars_gradient_dtype(o, 0, &x.dtype); }},
      {"lars_set", [](World&, lars_optimizer* o) { return lars_set(o, nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set_if", [](World&, lars_optimizer* o) { return lars_set_if(o, select_all, nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set_schedule", [](World& x, lars_optimizer* o) { return lars_set_schedule(o, nullptr, LARS_MOMENTUM, x.schedule.get()); }},
      {"lars_set_schedule_if", [](World& x, lars_optimizer* o) { return lars_set_schedule_if(o, select_all, nullptr, LARS_MOMENTUM, x.schedule.get()); }},
      {"lars_get", [](World& x, lars_optimizer* o) { return lars_get(o, 0, LARS_MOMENTUM, &x.value); }},
      {"lars_set_variant", [](World&, lars_optimizer* o) { return lars_set_variant(o, LARS_VARIANT_LARC); }},
      {"lars_set_mlperf_resnet50", [](World&, lars_optimizer* o) { return lars_set_mlperf_resnet50(o, 4096, 313); }},
      {"lars_set_gradient_clip", [](World&, lars_optimizer* o) { return lars_set_gradient_clip(o, 1.0); }},
      {"lars_set_nonfinite_policy", [](World&, lars_optimizer* o) { return lars_set_nonfinite_policy(o, LARS_NONFINITE_SKIP); }},
      {"lars_set_max_consecutive_skips", [](World&, lars_optimizer* o) { return lars_set_max_consecutive_skips(o, 3); }},
      {"lars_set_kernels", [](World&, lars_optimizer* o) { return lars_set_kernels(o, "reference"); }},
      {"lars_set_threads", [](World&, lars_optimizer* o) { return lars_set_threads(o, 2); }},
      {"lars_threads", [](World& x, lars_optimizer* o) { return lars_threads(o, &x.number); }},
      {"lars_set_parallel_for", [](World&, lars_optimizer* o) { return lars_set_parallel_for(o, nullptr, nullptr, 2); }},
      {"lars_step", [](World& x, lars_optimizer* o) { return lars_step(o, x.w.data(), x.g.data()); }},
      {"lars_step_flat", [](World& x, lars_optimizer* o) { return lars_step_flat(o, x.w[0], x.g[0]); }},
      {"lars_step_parameter", [](World& x, lars_optimizer* o) { return lars_step_parameter(o, 0, x.w[0], x.g[0]); }},
      {"lars_update", [](World& x, lars_optimizer* o) { return lars_update(o, x.w.data(), x.g.data(), x.updates.data()); }},
      {"lars_set_accumulation", [](World&, lars_optimizer* o) { return lars_set_accumulation(o, 2); }},
      {"lars_accumulate", [](World& x, lars_optimizer* o) { return lars_accumulate(o, x.w.data(), x.g.data()); }},
      {"lars_step_accumulated", [](World& x, lars_optimizer* o) { return lars_step_accumulated(o, x.w.data()); }},
      {"lars_discard_accumulated", [](World&, lars_optimizer* o) { return lars_discard_accumulated(o); }},
      {"lars_accumulated", [](World& x, lars_optimizer* o) { return lars_accumulated(o, &x.number, nullptr); }},
      {"lars_set_carry_norms", [](World&, lars_optimizer* o) { return lars_set_carry_norms(o, 1); }},
      {"lars_parameters_changed", [](World&, lars_optimizer* o) { return lars_parameters_changed(o); }},
      {"lars_step_count", [](World& x, lars_optimizer* o) { return lars_step_count(o, &x.count); }},
      {"lars_parameter_step_count", [](World& x, lars_optimizer* o) { return lars_parameter_step_count(o, 0, &x.count); }},
      {"lars_norms", [](World& x, lars_optimizer* o) { return lars_norms(o, 0, &x.value, nullptr, nullptr); }},
      {"lars_skip_count", [](World& x, lars_optimizer* o) { return lars_skip_count(o, &x.count, nullptr); }},
      {"lars_telemetry", [](World& x, lars_optimizer* o) { return lars_telemetry(o, LARS_TELEMETRY_TRUST_RATIO, &x.value); }},
      {"lars_set_gradient_norms", [](World&, lars_optimizer* o) { return lars_set_gradient_norms(o, 1); }},
      {"lars_gradient_norms", [](World& x, lars_optimizer* o) { return lars_gradient_norms(o, &x.dtype); }},
      {"lars_carry_norms", [](World& x, lars_optimizer* o) { return lars_carry_norms(o, &x.dtype); }},
      {"lars_nonfinite_policy", [](World& x, lars_optimizer* o) { return lars_nonfinite_policy(o, &x.dtype); }},
      {"lars_max_consecutive_skips", [](World& x, lars_optimizer* o) { return lars_max_consecutive_skips(o, &x.count); }},
      {"lars_gradient_clip", [](World& x, lars_optimizer* o) { return lars_gradient_clip(o, &x.value); }},
      {"lars_set_observer", [](World&, lars_optimizer* o) { return lars_set_observer(o, nullptr, nullptr); }},
      {"lars_nonfinite", [](World& x, lars_optimizer* o) { return lars_nonfinite(o, &x.number, nullptr, nullptr); }},
      {"lars_save", [](World&, lars_optimizer* o) { return lars_save(o, "never written"); }},
      {"lars_load", [](World&, lars_optimizer* o) { return lars_load(o, "never read"); }},
      {"lars_save_size", [](World& x, lars_optimizer* o) { return lars_save_size(o, &x.count); }},
      {"lars_save_to", [](World& x, lars_optimizer* o) { return lars_save_to(o, x.updates[0], 1); }},
      {"lars_load_from", [](World& x, lars_optimizer* o) { return lars_load_from(o, x.w[0], 1); }},
    // clang-format on
};

struct SecondThread {
  World& world;
  std::int32_t (*make)(World& x, lars_optimizer* o);
  std::int32_t status = LARS_ERR_INTERNAL;
};

std::int32_t call_from_second_thread(void* user, std::uint32_t, const char*, std::int32_t, std::uint32_t,
                                     const std::int64_t*) {
  auto* second = static_cast<SecondThread*>(user);
  std::thread thread([second] {
    second->status = second->make(second->world, second->world.get());
    EXPECT_STREQ(lars_error_message(second->world.get()),
                 "another call on this handle is running; one handle serves one call at a time");
  });
  thread.join();
  return 1;
}

/// Makes the call from a second thread while the first is within lars_set_if, which sets what is already set.
std::int32_t while_busy(World& x, std::int32_t (*make)(World& x, lars_optimizer* o)) {
  SecondThread second = {x, make};
  EXPECT_EQ(lars_set_if(x.get(), call_from_second_thread, &second, LARS_EPS, 0.0), LARS_OK);
  return second.status;
}

std::vector<Row> rows_of_arguments() {
  // One row, two lines: what is wrong and what is expected; the call.
  // clang-format off
  return {
      {"lars_destroy", "optimizer", "busy", LARS_ERR_BUSY, {},
       [](World& x) { return while_busy(x, [](World&, lars_optimizer* o) { return lars_destroy(o); }); }},
      {"lars_create", "optimizer", "NULL", LARS_ERR_ARGUMENT, {},
       [](World&) { return lars_create(nullptr); }},
      {"lars_add_parameter", "name", "NULL", LARS_ERR_ARGUMENT, {"name is NULL"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, nullptr, LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "empty", LARS_ERR_NAME, {"name is empty"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "over-long", LARS_ERR_NAME, {"name has 256 bytes", "at most 255", "nnn…"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, std::string(256, 'n').c_str(), LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "control character", LARS_ERR_NAME, {"0x0a", "byte 1"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "a\nb", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "delete character", LARS_ERR_NAME, {"0x7f"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "a\x7f", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "C1 control character", LARS_ERR_NAME, {"0x85", "byte 1"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "a\xc2\x85", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "no UTF-8", LARS_ERR_NAME, {"name \"ab\\xc3(\" is not UTF-8", "byte 2 is 0xc3"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "ab\xc3(", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "cut in a character", LARS_ERR_NAME, {"byte 1 is 0xe2"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "a\xe2\x82", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "name", "duplicate", LARS_ERR_NAME, {"'taken' is already taken by parameter 0", "unique"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "taken", LARS_F32, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "dtype", "unknown", LARS_ERR_TYPE, {"dtype 7", "LARS_F16 (528)", "LARS_F32 (544)", "LARS_F64 (576)", "LARS_BF16 (1040)"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", 7, 0, nullptr, nullptr); }); }},
      {"lars_add_parameter", "ndim", "too many", LARS_ERR_SHAPE, {"ndim", "'new'", "65", "at most 64"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", LARS_F32, 65, std::vector<std::int64_t>(65, 1).data(), nullptr); }); }},
      {"lars_add_parameter", "shape", "NULL", LARS_ERR_ARGUMENT, {"shape is NULL", "2 dimensions"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", LARS_F32, 2, nullptr, nullptr); }); }},
      {"lars_add_parameter", "shape", "negative", LARS_ERR_SHAPE, {"shape[1] of 'new' is -3", "at least 0"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", LARS_F32, 2, std::array<std::int64_t, 2>{2, -3}.data(), nullptr); }); }},
      {"lars_add_parameter", "shape", "count overflows", LARS_ERR_SHAPE, {"shape of 'new'", "overflows", "2305843009213693951"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", LARS_F32, 2, std::array<std::int64_t, 2>{INT64_MAX, 3}.data(), nullptr); }); }},
      {"lars_add_parameter", "shape", "bytes overflow", LARS_ERR_SHAPE, {"overflows", "1152921504606846975"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_add_parameter(fresh, "new", LARS_F64, 1, std::array<std::int64_t, 1>{std::int64_t{1} << 60}.data(), nullptr); }); }},
      {"lars_add_parameter", "optimizer", "after the first step", LARS_ERR_STATE, {"'late'", "before the first step"},
       [](World& x) { return lars_add_parameter(x.get(), "late", LARS_F32, 0, nullptr, &x.number); }},
      {"lars_parameter_count", "count", "NULL", LARS_ERR_ARGUMENT, {"count is NULL"},
       [](World& x) { return lars_parameter_count(x.get(), nullptr); }},
      {"lars_parameter_index", "name", "NULL", LARS_ERR_ARGUMENT, {"name is NULL"},
       [](World& x) { return lars_parameter_index(x.get(), nullptr, &x.number); }},
      {"lars_parameter_index", "name", "unknown", LARS_ERR_NAME, {"no parameter is called 'c'"},
       [](World& x) { return lars_parameter_index(x.get(), "c", &x.number); }},
      {"lars_parameter_index", "index", "NULL", LARS_ERR_ARGUMENT, {"index is NULL"},
       [](World& x) { return lars_parameter_index(x.get(), "b", nullptr); }},
      {"lars_parameter_info", "index", "out of range", LARS_ERR_INDEX, {"index 3", "3 parameters"},
       [](World& x) { return lars_parameter_info(x.get(), 3, nullptr, nullptr, &x.number, nullptr); }},
      {"lars_set", "selector", "matches nothing", LARS_ERR_SELECTOR, {"selector \"*.wieght\"", "none of the 3 parameters"},
       [](World& x) { return lars_set(x.get(), "*.wieght", LARS_EPS, 0.5); }},
      {"lars_set", "selector", "empty", LARS_ERR_SELECTOR, {"selector \"\""},
       [](World& x) { return lars_set(x.get(), "", LARS_EPS, 0.5); }},
      {"lars_set_schedule", "selector", "matches nothing", LARS_ERR_SELECTOR, {"selector \"*.wieght\"", "none of the 3 parameters"},
       [](World& x) { return lars_set_schedule(x.get(), "*.wieght", LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule", "selector", "empty", LARS_ERR_SELECTOR, {"selector \"\""},
       [](World& x) { return lars_set_schedule(x.get(), "", LARS_EPS, x.schedule.get()); }},
      {"lars_set_if", "predicate", "NULL", LARS_ERR_ARGUMENT, {"predicate is NULL"},
       [](World& x) { return lars_set_if(x.get(), nullptr, nullptr, LARS_EPS, 0.5); }},
      {"lars_set_if", "predicate", "selects nothing", LARS_ERR_SELECTOR, {"predicate selects none of the 3"},
       [](World& x) { return lars_set_if(x.get(), select_none, nullptr, LARS_EPS, 0.5); }},
      {"lars_set_if", "predicate", "fails", LARS_ERR_CALLBACK, {"'a.weight'", "returned -1", "0 or 1"},
       [](World& x) { return lars_set_if(x.get(), select_and_fail, nullptr, LARS_EPS, 0.5); }},
      {"lars_set_if", "predicate", "fails at the last", LARS_ERR_CALLBACK, {"'b'", "returned 2"},
       [](World& x) { return lars_set_if(x.get(), select_and_fail_at_b, nullptr, LARS_EPS, 0.5); }},
      {"lars_set_if", "predicate", "throws", LARS_ERR_CALLBACK, {"'a.weight'", "threw"},
       [](World& x) { return lars_set_if(x.get(), select_and_throw, nullptr, LARS_EPS, 0.5); }},
      {"lars_set_schedule_if", "predicate", "NULL", LARS_ERR_ARGUMENT, {"predicate is NULL"},
       [](World& x) { return lars_set_schedule_if(x.get(), nullptr, nullptr, LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule_if", "predicate", "selects nothing", LARS_ERR_SELECTOR, {"predicate selects none of the 3"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_none, nullptr, LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule_if", "predicate", "fails", LARS_ERR_CALLBACK, {"'a.weight'", "returned -1", "0 or 1"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_and_fail, nullptr, LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule_if", "predicate", "fails at the last", LARS_ERR_CALLBACK, {"'b'", "returned 2"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_and_fail_at_b, nullptr, LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule_if", "predicate", "throws", LARS_ERR_CALLBACK, {"'a.weight'", "threw"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_and_throw, nullptr, LARS_EPS, x.schedule.get()); }},
      {"lars_set_schedule", "schedule", "NULL", LARS_ERR_ARGUMENT, {"schedule is NULL"},
       [](World& x) { return lars_set_schedule(x.get(), nullptr, LARS_EPS, nullptr); }},
      {"lars_set_schedule", "schedule", "could not be made", LARS_ERR_VALUE, {"value: nan is not allowed"},
       [](World& x) { return lars_set_schedule(x.get(), nullptr, LARS_EPS, x.broken.get()); }},
      {"lars_set_schedule_if", "schedule", "NULL", LARS_ERR_ARGUMENT, {"schedule is NULL"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_all, nullptr, LARS_EPS, nullptr); }},
      {"lars_set_schedule_if", "schedule", "could not be made", LARS_ERR_VALUE, {"value: nan is not allowed"},
       [](World& x) { return lars_set_schedule_if(x.get(), select_all, nullptr, LARS_EPS, x.broken.get()); }},
      {"lars_get", "index", "out of range", LARS_ERR_INDEX, {"index 3"},
       [](World& x) { return lars_get(x.get(), 3, LARS_EPS, &x.value); }},
      {"lars_get", "key", "unknown", LARS_ERR_KEY, {"key 0 is unknown"},
       [](World& x) { return lars_get(x.get(), 0, 0, &x.value); }},
      {"lars_get", "value", "NULL", LARS_ERR_ARGUMENT, {"value is NULL"},
       [](World& x) { return lars_get(x.get(), 0, LARS_EPS, nullptr); }},
      {"lars_get", "key", "learning rate that was never set", LARS_ERR_STATE, {"learning_rate of 'taken' is not set", "lars_set"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { double unset = 0.0; return lars_get(fresh, 0, LARS_LEARNING_RATE, &unset); }); }},
      {"lars_set_nonfinite_policy", "policy", "unknown 3", LARS_ERR_ARGUMENT, {"policy 3 is unknown", "LARS_NONFINITE_PROPAGATE (2)"},
       [](World& x) { return lars_set_nonfinite_policy(x.get(), 3); }},
      {"lars_set_nonfinite_policy", "policy", "unknown minus 1", LARS_ERR_ARGUMENT, {"policy -1 is unknown", "LARS_NONFINITE_PROPAGATE (2)"},
       [](World& x) { return lars_set_nonfinite_policy(x.get(), -1); }},
      {"lars_set_kernels", "kernels", "NULL", LARS_ERR_ARGUMENT, {"kernels is NULL"},
       [](World& x) { return lars_set_kernels(x.get(), nullptr); }},
      {"lars_set_kernels", "kernels", "unknown", LARS_ERR_ARGUMENT, {"\"avx1024\" is unknown", "\"auto\"", "\"simd/", "\"reference\""},
       [](World& x) { return lars_set_kernels(x.get(), "avx1024"); }},
      {"lars_step", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return lars_step(x.get(), nullptr, x.g.data()); }},
      {"lars_step", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return lars_step(x.get(), x.w.data(), nullptr); }},
      {"lars_step", "parameters", "NULL inside", LARS_ERR_ARGUMENT, {"parameter of 'a.bias' (index 1) is NULL", "2 elements"},
       [](World& x) { return with(x.w, 1, nullptr, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "gradients", "NULL inside", LARS_ERR_ARGUMENT, {"gradient of 'b' (index 2) is NULL", "4 elements"},
       [](World& x) { return with(x.g, 2, nullptr, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "parameters", "misaligned", LARS_ERR_ALIGNMENT, {"parameter of 'b'", "element size 8"},
       [](World& x) { return with(x.w, 2, shifted(x.w[2], 4), [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "gradients", "misaligned", LARS_ERR_ALIGNMENT, {"gradient of 'a.weight'", "element size 4"},
       [](World& x) { return with(x.g, 0, shifted(x.g[0], 1), [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "parameters", "overlap each other", LARS_ERR_ALIAS, {"parameter of 'a.weight' (index 0)", "parameter of 'a.bias' (index 1)", "overlap"},
       [](World& x) { return with(x.w, 1, shifted(x.w[0], 20), [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "gradients", "overlap a parameter", LARS_ERR_ALIAS, {"gradient of 'a.bias'", "parameter of 'b'"},
       [](World& x) { return with(x.g, 1, x.w[2], [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "gradients", "are the parameters", LARS_ERR_ALIAS, {"overlap"},
       [](World& x) { return with(x.g, 2, x.w[2], [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "optimizer", "no learning rate", LARS_ERR_STATE, {"learning_rate of 'taken' is not set", "lars_set"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { float w = 1; const float g = 1; void* ws[] = {&w}; const void* gs[] = {&g}; return lars_step(fresh, ws, gs); }); }},
      {"lars_step", "gradients", "NaN", LARS_ERR_NONFINITE, {"the gradient of 'a.bias' (index 1) holds NaN or Inf in 2 of 2 elements", "nothing was written"},
       [](World& x) { return with(x.g, 1, kNans, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "optimizer", "schedule callback fails", LARS_ERR_CALLBACK, {"learning_rate of 'a.weight'", "failed at step 1", "returned 5"},
       [](World& x) { return with_schedule(x, fail_schedule, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "optimizer", "schedule callback gives NaN", LARS_ERR_CALLBACK, {"learning_rate of 'a.weight'", "gave nan at step 1", "finite"},
       [](World& x) { return with_schedule(x, nan_schedule, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "optimizer", "schedule callback throws", LARS_ERR_CALLBACK, {"learning_rate of 'a.weight'", "threw an exception at step 1"},
       [](World& x) { return with_schedule(x, throw_schedule, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step", "optimizer", "schedule callback gives a negative rate", LARS_ERR_VALUE, {"learning_rate", "-1", "step 1", "at least 0"},
       [](World& x) { return with_schedule(x, negative_schedule, [&] { return lars_step(x.get(), x.w.data(), x.g.data()); }); }},
      {"lars_step_flat", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return lars_step_flat(x.get(), nullptr, x.g[0]); }},
      {"lars_step_flat", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return lars_step_flat(x.get(), x.w[0], nullptr); }},
      {"lars_step_flat", "parameters", "misaligned", LARS_ERR_ALIGNMENT, {"parameter of 'a.weight'"},
       [](World& x) { return lars_step_flat(x.get(), shifted(x.w[0], 2), x.g[0]); }},
      {"lars_step_flat", "gradients", "are the parameters", LARS_ERR_ALIAS, {"overlap"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { float w = 1; lars_set(fresh, nullptr, LARS_LEARNING_RATE, 1); return lars_step_flat(fresh, &w, &w); }); }},
      {"lars_step_parameter", "index", "out of range", LARS_ERR_INDEX, {"index 3", "3 parameters"},
       [](World& x) { return lars_step_parameter(x.get(), 3, x.w[0], x.g[0]); }},
      {"lars_step_parameter", "parameter", "NULL", LARS_ERR_ARGUMENT, {"parameter of 'b' (index 2) is NULL"},
       [](World& x) { return lars_step_parameter(x.get(), 2, nullptr, x.g[2]); }},
      {"lars_step_parameter", "gradient", "NULL", LARS_ERR_ARGUMENT, {"gradient of 'b' (index 2) is NULL"},
       [](World& x) { return lars_step_parameter(x.get(), 2, x.w[2], nullptr); }},
      {"lars_step_parameter", "parameter", "misaligned", LARS_ERR_ALIGNMENT, {"parameter of 'b'"},
       [](World& x) { return lars_step_parameter(x.get(), 2, shifted(x.w[2], 2), x.g[2]); }},
      {"lars_step_parameter", "gradient", "is the parameter", LARS_ERR_ALIAS, {"'b'", "overlap"},
       [](World& x) { return lars_step_parameter(x.get(), 2, x.w[2], x.w[2]); }},
      {"lars_update", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return lars_update(x.get(), nullptr, x.g.data(), x.updates.data()); }},
      {"lars_update", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return lars_update(x.get(), x.w.data(), nullptr, x.updates.data()); }},
      {"lars_update", "updates", "NULL", LARS_ERR_ARGUMENT, {"updates is NULL"},
       [](World& x) { return lars_update(x.get(), x.w.data(), x.g.data(), nullptr); }},
      {"lars_update", "updates", "NULL inside", LARS_ERR_ARGUMENT, {"update of 'b' (index 2) is NULL"},
       [](World& x) { return with(x.updates, 2, nullptr, [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }},
      {"lars_update", "updates", "misaligned", LARS_ERR_ALIGNMENT, {"update of 'b'"},
       [](World& x) { return with(x.updates, 2, shifted(x.updates[2], 3), [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }},
      {"lars_update", "updates", "are the parameters", LARS_ERR_ALIAS, {"update of 'b'", "parameter of 'b'"},
       [](World& x) { return with(x.updates, 2, x.w[2], [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }},
      {"lars_update", "updates", "overlap each other", LARS_ERR_ALIAS, {"update of 'a.weight'", "update of 'a.bias'"},
       [](World& x) { return with(x.updates, 1, x.updates[0], [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }},
      {"lars_update", "updates", "lie in a gradient that also holds another", LARS_ERR_ALIAS, {"gradient of 'b'", "update of 'a.bias'"},
       [](World& x) { return with(x.g, 1, shifted(x.g[2], 4), [&] { return with(x.updates, 1, const_cast<void*>(shifted(x.g[2], 16)), [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }); }},
      {"lars_update", "gradients", "overlap the updates", LARS_ERR_ALIAS, {"gradient of 'a.bias'", "update of 'b'"},
       [](World& x) { return with(x.g, 1, x.updates[2], [&] { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); }); }},
      {"lars_step_count", "steps", "NULL", LARS_ERR_ARGUMENT, {"steps is NULL"},
       [](World& x) { return lars_step_count(x.get(), nullptr); }},
      {"lars_parameter_step_count", "steps", "NULL", LARS_ERR_ARGUMENT, {"steps is NULL"},
       [](World& x) { return lars_parameter_step_count(x.get(), 0, nullptr); }},
      {"lars_parameter_step_count", "index", "out of range", LARS_ERR_INDEX, {"index 4"},
       [](World& x) { return lars_parameter_step_count(x.get(), 4, &x.count); }},
      {"lars_norms", "index", "out of range", LARS_ERR_INDEX, {"index 3"},
       [](World& x) { return lars_norms(x.get(), 3, &x.value, nullptr, nullptr); }},
      {"lars_norms", "index", "no step yet", LARS_ERR_STATE, {"'taken' has taken no step yet"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { double norm = 0.0; return lars_norms(fresh, 0, &norm, nullptr, nullptr); }); }},
  };
  // clang-format on
}

}  // namespace

std::vector<Row> optimizer_rows() {
  std::vector<Row> rows = rows_of_arguments();
  for (const auto& more : {execution_rows(), key_rows(), record_rows(), array_rows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  for (const Call& call : kCalls) {
    rows.push_back({call.function, "optimizer", "NULL", LARS_ERR_ARGUMENT, {}, [&call](World& x) {
                      return call.make(x, nullptr);
                    }});
    rows.push_back({call.function, "optimizer", "busy", LARS_ERR_BUSY, {}, [&call](World& x) {
                      return while_busy(x, call.make);
                    }});
  }
  return rows;
}

}  // namespace lars_test
