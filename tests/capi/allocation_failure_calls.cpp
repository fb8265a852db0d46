#include "capi/allocation_failure_calls.h"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <ostream>

namespace lars_test {

const std::string& checkpoint_file() {
  // In memory where that can be: thousands of saves wait for a disk twice.
  static const std::string kFile = (access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : testing::TempDir()) +
                                   "lars-allocation-failure-" + std::to_string(getpid());
  return kFile;
}

std::int32_t run_one_by_one(void* /*user*/, std::uint32_t count, lars_task task, void* context) {
  for (std::uint32_t i = 0; i < count; ++i) task(context, i);
  return 0;
}

void PrintTo(const Call& call, std::ostream* out) { *out << call.name; }

namespace {

std::int32_t select_all(void* /*user*/, std::uint32_t /*index*/, const char* /*name*/, std::int32_t /*dtype*/,
                        std::uint32_t /*ndim*/, const std::int64_t* /*shape*/) {
  return 1;
}

void observe(void* /*user*/, std::int32_t /*status*/, std::uint64_t /*steps*/, std::uint32_t /*count*/,
             std::uint32_t /*quantity_count*/, const double* const* /*quantities*/) {}

void spoil(World& x) { set_element(x.trainee.specs()[0], x.trainee.gradients[0], 3, NAN); }

const std::vector<Call>& setting_calls() {
  static const std::int64_t shape[] = {20, 30};
  static const std::vector<Call> all = {
      {"lars_add_parameter",
       [](World& x) {
         return lars_add_parameter(x.get(), "a name too long to be kept in place", LARS_F32, 2, shape,
                                   &x.number);
       }},
      {"lars_add_parameter twice",
       [](World& x) { return lars_add_parameter(x.get(), "w", LARS_F32, 2, shape, nullptr); }, LARS_ERR_NAME},
      {"lars_set", [](World& x) { return lars_set(x.get(), nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set glob", [](World& x) { return lars_set(x.get(), "*", LARS_MOMENTUM, 0.5); }},
      {"lars_set range", [](World& x) { return lars_set(x.get(), nullptr, LARS_MOMENTUM, 2.0); },
       LARS_ERR_VALUE},
      {"lars_set_if", [](World& x) { return lars_set_if(x.get(), select_all, nullptr, LARS_MOMENTUM, 0.5); }},
      {"lars_set_schedule",
       [](World& x) { return lars_set_schedule(x.get(), nullptr, LARS_LEARNING_RATE, x.schedule.get()); }},
      {"lars_set_schedule_if",
       [](World& x) {
         return lars_set_schedule_if(x.get(), select_all, nullptr, LARS_EPS, x.schedule.get());
       }},
      {"lars_set_variant", [](World& x) { return lars_set_variant(x.get(), LARS_VARIANT_LARC); }},
      {"lars_set_mlperf_resnet50", [](World& x) { return lars_set_mlperf_resnet50(x.get(), 4096, 300); }},
      {"lars_set_gradient_dtype", [](World& x) { return lars_set_gradient_dtype(x.get(), "w", LARS_BF16); }},
      {"lars_set_gradient_clip", [](World& x) { return lars_set_gradient_clip(x.get(), 1.0); }},
      {"lars_set_nonfinite_policy",
       [](World& x) { return lars_set_nonfinite_policy(x.get(), LARS_NONFINITE_SKIP); }},
      {"lars_set_max_consecutive_skips", [](World& x) { return lars_set_max_consecutive_skips(x.get(), 3); }},
      {"lars_set_kernels", [](World& x) { return lars_set_kernels(x.get(), "reference"); }},
      {"lars_set_kernels unknown", [](World& x) { return lars_set_kernels(x.get(), "fast"); },
       LARS_ERR_ARGUMENT},
      {"lars_set_threads", [](World& x) { return lars_set_threads(x.get(), 1); }},
      {"lars_set_parallel_for",
       [](World& x) { return lars_set_parallel_for(x.get(), run_one_by_one, nullptr, 3); }},
      {"lars_set_accumulation", [](World& x) { return lars_set_accumulation(x.get(), 2); }},
      {"lars_set_carry_norms", [](World& x) { return lars_set_carry_norms(x.get(), 1); }},
      {"lars_set_gradient_norms", [](World& x) { return lars_set_gradient_norms(x.get(), 1); }},
      {"lars_set_observer", [](World& x) { return lars_set_observer(x.get(), observe, nullptr); }},
      {"lars_parameters_changed", [](World& x) { return lars_parameters_changed(x.get()); }},
      {"lars_discard_accumulated", [](World& x) { return lars_discard_accumulated(x.get()); }},
      {"lars_set_parameter_step_count",
       [](World& x) { return lars_set_parameter_step_count(x.get(), 0, 3); }},
  };
  return all;
}

const std::vector<Call>& steps() {
  const auto observed = [](World& x) { EXPECT_EQ(lars_set_observer(x.get(), observe, nullptr), LARS_OK); };
  static const std::vector<Call> all = {
      {"lars_step", [](World& x) { return lars_step(x.get(), x.w.data(), x.g.data()); }},
      {"lars_step observed", [](World& x) { return lars_step(x.get(), x.w.data(), x.g.data()); }, LARS_OK,
       observed},
      {"lars_step of NaN", [](World& x) { return lars_step(x.get(), x.w.data(), x.g.data()); },
       LARS_ERR_NONFINITE, spoil},
      {"lars_step skipped", [](World& x) { return lars_step(x.get(), x.w.data(), x.g.data()); }, LARS_SKIPPED,
       [](World& x) {
         spoil(x);
         EXPECT_EQ(lars_set_nonfinite_policy(x.get(), LARS_NONFINITE_SKIP), LARS_OK);
       }},
      {"lars_step_flat", [](World& x) { return lars_step_flat(x.get(), x.flat.data(), x.flat.data()); },
       LARS_ERR_ALIGNMENT},
      {"lars_step_parameter", [](World& x) { return lars_step_parameter(x.get(), 0, x.w[0], x.g[0]); }},
      {"lars_update", [](World& x) { return lars_update(x.get(), x.w.data(), x.g.data(), x.updates.data()); },
       LARS_ERR_TYPE},
      {"lars_step_external",
       [](World& x) {
         return lars_step_external(x.get(), x.w.data(), x.g.data(), x.momentum.data(), x.masters.data());
       }},
      {"lars_update_external",
       [](World& x) {
         return lars_update_external(x.get(), x.w.data(), x.g.data(), x.momentum.data(), x.updates.data());
       },
       LARS_ERR_TYPE},
      {"lars_accumulate",
       [](World& x) {
         const std::int32_t status = lars_accumulate(x.get(), x.w.data(), x.g.data());
         return status == LARS_OK ? lars_discard_accumulated(x.get()) : status;
       }},
      {"lars_step_accumulated", [](World& x) { return lars_step_accumulated(x.get(), x.w.data()); },
       LARS_ERR_STATE},
  };
  return all;
}

const std::vector<Call>& reading_calls() {
  static const std::vector<Call> all = {
      {"lars_parameter_count", [](World& x) { return lars_parameter_count(x.get(), &x.number); }},
      {"lars_parameter_index", [](World& x) { return lars_parameter_index(x.get(), "h", &x.number); }},
      {"lars_parameter_info",
       [](World& x) { return lars_parameter_info(x.get(), 1, nullptr, nullptr, &x.number, nullptr); }},
      {"lars_parameter_info of none",
       [](World& x) { return lars_parameter_info(x.get(), 9, nullptr, nullptr, nullptr, nullptr); },
       LARS_ERR_INDEX},
      {"lars_check_array",
       [](World& x) { return lars_check_array(x.get(), LARS_ROLE_PARAMETER, 0, LARS_F16, 1); },
       LARS_ERR_SHAPE},
      {"lars_check_arrays",
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_PARAMETER, 0, nullptr, nullptr); },
       LARS_ERR_ARGUMENT},
      {"lars_check_flat", [](World& x) { return lars_check_flat(x.get(), LARS_ROLE_MASTER, LARS_F64, 1); },
       LARS_ERR_TYPE},
      {"lars_gradient_dtype",
       [](World& x) {
         std::int32_t type = 0;
         return lars_gradient_dtype(x.get(), 1, &type);
       }},
      {"lars_get", [](World& x) { return lars_get(x.get(), 0, LARS_EPS, x.values); }},
      {"lars_gradient_clip", [](World& x) { return lars_gradient_clip(x.get(), x.values); }},
      {"lars_nonfinite_policy",
       [](World& x) {
         std::int32_t policy = 0;
         return lars_nonfinite_policy(x.get(), &policy);
       }},
      {"lars_max_consecutive_skips", [](World& x) { return lars_max_consecutive_skips(x.get(), &x.count); }},
      {"lars_carry_norms",
       [](World& x) {
         std::int32_t carry = 0;
         return lars_carry_norms(x.get(), &carry);
       }},
      {"lars_gradient_norms",
       [](World& x) {
         std::int32_t wanted = 0;
         return lars_gradient_norms(x.get(), &wanted);
       }},
      {"lars_threads", [](World& x) { return lars_threads(x.get(), &x.number); }},
      {"lars_accumulated", [](World& x) { return lars_accumulated(x.get(), &x.number, nullptr); }},
      {"lars_step_count", [](World& x) { return lars_step_count(x.get(), &x.count); }},
      {"lars_parameter_step_count", [](World& x) { return lars_parameter_step_count(x.get(), 0, &x.count); }},
      {"lars_norms", [](World& x) { return lars_norms(x.get(), 0, x.values, nullptr, nullptr); }, LARS_OK,
       [](World& x) { EXPECT_EQ(x.trainee.step(), LARS_OK); }},
      {"lars_skip_count", [](World& x) { return lars_skip_count(x.get(), &x.count, nullptr); }},
      {"lars_nonfinite", [](World& x) { return lars_nonfinite(x.get(), &x.number, nullptr, nullptr); },
       LARS_ERR_STATE},
      {"lars_telemetry",
       [](World& x) { return lars_telemetry(x.get(), LARS_TELEMETRY_TRUST_RATIO, x.values); }},
      {"lars_save", [](World& x) { return lars_save(x.get(), checkpoint_file().c_str()); }},
      {"lars_save nowhere", [](World& x) { return lars_save(x.get(), "/no such folder/file"); }, LARS_ERR_IO},
      {"lars_save_size", [](World& x) { return lars_save_size(x.get(), &x.count); }},
      {"lars_save_to", [](World& x) { return lars_save_to(x.get(), x.buffer.data(), x.buffer.size()); }},
      {"lars_load", [](World& x) { return lars_load(x.get(), checkpoint_file().c_str()); }, LARS_OK,
       [](World& x) { std::ofstream(checkpoint_file(), std::ios::binary) << x.checkpoint; }},
      {"lars_load of nothing", [](World& x) { return lars_load(x.get(), checkpoint_file().c_str()); },
       LARS_ERR_FORMAT},
      {"lars_load_from",
       [](World& x) { return lars_load_from(x.get(), x.checkpoint.data(), x.checkpoint.size()); }},
  };
  return all;
}

}  // namespace

std::vector<Call> stepping_calls() { return steps(); }

std::vector<Call> all_calls() {
  std::vector<Call> all;
  for (const auto* some : {&setting_calls(), &steps(), &reading_calls()})
    all.insert(all.end(), some->begin(), some->end());
  return all;
}

}  // namespace lars_test
