// Made from lars.h by `cargo run -p generate`; do not edit.

pub const LARS_VERSION_MAJOR: i32 = 0;
pub const LARS_VERSION_MINOR: i32 = 1;
pub const LARS_VERSION_PATCH: i32 = 0;
pub const LARS_OK: i32 = 0;
pub const LARS_SKIPPED: i32 = 1;
pub const LARS_ERR_ARGUMENT: i32 = -1;
pub const LARS_ERR_KEY: i32 = -2;
pub const LARS_ERR_VALUE: i32 = -3;
pub const LARS_ERR_TYPE: i32 = -4;
pub const LARS_ERR_INDEX: i32 = -5;
pub const LARS_ERR_NAME: i32 = -6;
pub const LARS_ERR_SHAPE: i32 = -7;
pub const LARS_ERR_SELECTOR: i32 = -8;
pub const LARS_ERR_ALIAS: i32 = -9;
pub const LARS_ERR_ALIGNMENT: i32 = -10;
pub const LARS_ERR_STATE: i32 = -20;
pub const LARS_ERR_BUSY: i32 = -21;
pub const LARS_ERR_CALLBACK: i32 = -22;
pub const LARS_ERR_NONFINITE: i32 = -23;
pub const LARS_ERR_MEMORY: i32 = -30;
pub const LARS_ERR_INTERNAL: i32 = -31;
pub const LARS_ERR_IO: i32 = -40;
pub const LARS_ERR_FORMAT: i32 = -41;
pub const LARS_ERR_MISMATCH: i32 = -42;
pub const LARS_F16: i32 = 528;
pub const LARS_F32: i32 = 544;
pub const LARS_F64: i32 = 576;
pub const LARS_BF16: i32 = 1040;
pub const LARS_I16: i32 = 16;
pub const LARS_LEARNING_RATE: i32 = 1;
pub const LARS_WEIGHT_DECAY: i32 = 2;
pub const LARS_WEIGHT_DECAY_MASK: i32 = 3;
pub const LARS_TRUST_COEFFICIENT: i32 = 4;
pub const LARS_EPS: i32 = 5;
pub const LARS_TRUST_RATIO_MASK: i32 = 6;
pub const LARS_MOMENTUM: i32 = 7;
pub const LARS_NESTEROV: i32 = 8;
pub const LARS_GRADIENT_SCALE: i32 = 9;
pub const LARS_DENOMINATOR: i32 = 10;
pub const LARS_OUTSIDE_MOMENTUM: i32 = 11;
pub const LARS_TRUST_CLIP: i32 = 12;
pub const LARS_DAMPENING: i32 = 13;
pub const LARS_DECAY_IN_UPDATE: i32 = 14;
pub const LARS_ZERO_NORM_DECAY: i32 = 15;
pub const LARS_CLIP_VALUE: i32 = 16;
pub const LARS_DENOMINATOR_DECAYED: i32 = 0;
pub const LARS_DENOMINATOR_SUM: i32 = 1;
pub const LARS_DENOMINATOR_GRADIENT: i32 = 2;
pub const LARS_OUTSIDE_NOTHING: i32 = 0;
pub const LARS_OUTSIDE_LEARNING_RATE: i32 = 1;
pub const LARS_OUTSIDE_TRUST_RATIO: i32 = 2;
pub const LARS_VARIANT_OPTAX: i32 = 0;
pub const LARS_VARIANT_PAPER: i32 = 1;
pub const LARS_VARIANT_TORCH: i32 = 2;
pub const LARS_VARIANT_LARC: i32 = 3;
pub const LARS_VARIANT_BARLOW: i32 = 4;
pub const LARS_VARIANT_TF: i32 = 5;
pub const LARS_NONFINITE_REFUSE: i32 = 0;
pub const LARS_NONFINITE_SKIP: i32 = 1;
pub const LARS_NONFINITE_PROPAGATE: i32 = 2;
pub const LARS_MAX_NAME: i32 = 255;
pub const LARS_MAX_NDIM: i32 = 64;
pub const LARS_MAX_THREADS: i32 = 1024;
pub const LARS_ROLE_PARAMETER: i32 = 0;
pub const LARS_ROLE_GRADIENT: i32 = 1;
pub const LARS_ROLE_MOMENTUM: i32 = 2;
pub const LARS_ROLE_MASTER: i32 = 3;
pub const LARS_TELEMETRY_WEIGHT_NORM: i32 = 0;
pub const LARS_TELEMETRY_GRADIENT_NORM: i32 = 1;
pub const LARS_TELEMETRY_UPDATE_NORM: i32 = 2;
pub const LARS_TELEMETRY_TRUST_RATIO: i32 = 3;
pub const LARS_TELEMETRY_EFFECTIVE_RATE: i32 = 4;
pub const LARS_TELEMETRY_LIMITED_SHARE: i32 = 5;
pub const LARS_TELEMETRY_SKIPPED_SHARE: i32 = 6;
pub const LARS_INTERPOLATE_LINEAR: i32 = 0;
pub const LARS_INTERPOLATE_COSINE: i32 = 1;
#[repr(C)]
#[derive(Debug)]
pub struct lars_optimizer {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug)]
pub struct lars_schedule {
    _unused: [u8; 0],
}
pub type lars_predicate = ::core::option::Option<
    unsafe extern "C" fn(
        user: *mut ::core::ffi::c_void,
        index: u32,
        name: *const ::core::ffi::c_char,
        dtype: i32,
        ndim: u32,
        shape: *const i64,
    ) -> i32,
>;
pub type lars_schedule_function = ::core::option::Option<
    unsafe extern "C" fn(user: *mut ::core::ffi::c_void, step: u64, value: *mut f64) -> i32,
>;
pub type lars_task =
    ::core::option::Option<unsafe extern "C" fn(context: *mut ::core::ffi::c_void, index: u32)>;
pub type lars_parallel_for = ::core::option::Option<
    unsafe extern "C" fn(
        user: *mut ::core::ffi::c_void,
        count: u32,
        task: lars_task,
        context: *mut ::core::ffi::c_void,
    ) -> i32,
>;
pub type lars_observer = ::core::option::Option<
    unsafe extern "C" fn(
        user: *mut ::core::ffi::c_void,
        status: i32,
        steps: u64,
        count: u32,
        quantity_count: u32,
        quantities: *const *const f64,
    ),
>;
unsafe extern "C" {
    pub fn lars_version() -> u32;
    pub fn lars_version_string() -> *const ::core::ffi::c_char;
    pub fn lars_status_name(status: i32) -> *const ::core::ffi::c_char;
    pub fn lars_create(optimizer: *mut *mut lars_optimizer) -> i32;
    pub fn lars_destroy(optimizer: *mut lars_optimizer) -> i32;
    pub fn lars_error_message(optimizer: *const lars_optimizer) -> *const ::core::ffi::c_char;
    pub fn lars_add_parameter(
        optimizer: *mut lars_optimizer,
        name: *const ::core::ffi::c_char,
        dtype: i32,
        ndim: u32,
        shape: *const i64,
        index: *mut u32,
    ) -> i32;
    pub fn lars_parameter_count(optimizer: *mut lars_optimizer, count: *mut u32) -> i32;
    pub fn lars_parameter_index(
        optimizer: *mut lars_optimizer,
        name: *const ::core::ffi::c_char,
        index: *mut u32,
    ) -> i32;
    pub fn lars_parameter_info(
        optimizer: *mut lars_optimizer,
        index: u32,
        name: *mut *const ::core::ffi::c_char,
        dtype: *mut i32,
        ndim: *mut u32,
        shape: *mut *const i64,
    ) -> i32;
    pub fn lars_set_gradient_dtype(
        optimizer: *mut lars_optimizer,
        selector: *const ::core::ffi::c_char,
        dtype: i32,
    ) -> i32;
    pub fn lars_gradient_dtype(optimizer: *mut lars_optimizer, index: u32, dtype: *mut i32) -> i32;
    pub fn lars_check_arrays(
        optimizer: *mut lars_optimizer,
        role: i32,
        count: u32,
        dtypes: *const i32,
        elements: *const u64,
    ) -> i32;
    pub fn lars_check_array(
        optimizer: *mut lars_optimizer,
        role: i32,
        index: u32,
        dtype: i32,
        elements: u64,
    ) -> i32;
    pub fn lars_check_flat(optimizer: *mut lars_optimizer, role: i32, dtype: i32, elements: u64) -> i32;
    pub fn lars_set(
        optimizer: *mut lars_optimizer,
        selector: *const ::core::ffi::c_char,
        key: i32,
        value: f64,
    ) -> i32;
    pub fn lars_set_if(
        optimizer: *mut lars_optimizer,
        predicate: lars_predicate,
        user: *mut ::core::ffi::c_void,
        key: i32,
        value: f64,
    ) -> i32;
    pub fn lars_set_schedule(
        optimizer: *mut lars_optimizer,
        selector: *const ::core::ffi::c_char,
        key: i32,
        schedule: *const lars_schedule,
    ) -> i32;
    pub fn lars_set_schedule_if(
        optimizer: *mut lars_optimizer,
        predicate: lars_predicate,
        user: *mut ::core::ffi::c_void,
        key: i32,
        schedule: *const lars_schedule,
    ) -> i32;
    pub fn lars_get(optimizer: *mut lars_optimizer, index: u32, key: i32, value: *mut f64) -> i32;
    pub fn lars_set_variant(optimizer: *mut lars_optimizer, variant: i32) -> i32;
    pub fn lars_set_mlperf_resnet50(optimizer: *mut lars_optimizer, batch: u64, steps_per_epoch: u64) -> i32;
    pub fn lars_set_gradient_clip(optimizer: *mut lars_optimizer, max_norm: f64) -> i32;
    pub fn lars_gradient_clip(optimizer: *mut lars_optimizer, max_norm: *mut f64) -> i32;
    pub fn lars_set_nonfinite_policy(optimizer: *mut lars_optimizer, policy: i32) -> i32;
    pub fn lars_nonfinite_policy(optimizer: *mut lars_optimizer, policy: *mut i32) -> i32;
    pub fn lars_set_max_consecutive_skips(optimizer: *mut lars_optimizer, most: u64) -> i32;
    pub fn lars_max_consecutive_skips(optimizer: *mut lars_optimizer, most: *mut u64) -> i32;
    pub fn lars_set_kernels(optimizer: *mut lars_optimizer, kernels: *const ::core::ffi::c_char) -> i32;
    pub fn lars_kernels(optimizer: *const lars_optimizer) -> *const ::core::ffi::c_char;
    pub fn lars_set_threads(optimizer: *mut lars_optimizer, threads: u32) -> i32;
    pub fn lars_threads(optimizer: *mut lars_optimizer, threads: *mut u32) -> i32;
    pub fn lars_set_parallel_for(
        optimizer: *mut lars_optimizer,
        run: lars_parallel_for,
        user: *mut ::core::ffi::c_void,
        threads: u32,
    ) -> i32;
    pub fn lars_step(
        optimizer: *mut lars_optimizer,
        parameters: *const *mut ::core::ffi::c_void,
        gradients: *const *const ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_step_flat(
        optimizer: *mut lars_optimizer,
        parameters: *mut ::core::ffi::c_void,
        gradients: *const ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_step_parameter(
        optimizer: *mut lars_optimizer,
        index: u32,
        parameter: *mut ::core::ffi::c_void,
        gradient: *const ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_update(
        optimizer: *mut lars_optimizer,
        parameters: *const *const ::core::ffi::c_void,
        gradients: *const *const ::core::ffi::c_void,
        updates: *const *mut ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_step_external(
        optimizer: *mut lars_optimizer,
        parameters: *const *mut ::core::ffi::c_void,
        gradients: *const *const ::core::ffi::c_void,
        momentum: *const *mut ::core::ffi::c_void,
        masters: *const *mut ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_update_external(
        optimizer: *mut lars_optimizer,
        parameters: *const *const ::core::ffi::c_void,
        gradients: *const *const ::core::ffi::c_void,
        momentum: *const *mut ::core::ffi::c_void,
        updates: *const *mut ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_set_accumulation(optimizer: *mut lars_optimizer, micro_batches: u32) -> i32;
    pub fn lars_accumulate(
        optimizer: *mut lars_optimizer,
        parameters: *const *const ::core::ffi::c_void,
        gradients: *const *const ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_step_accumulated(
        optimizer: *mut lars_optimizer,
        parameters: *const *mut ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_discard_accumulated(optimizer: *mut lars_optimizer) -> i32;
    pub fn lars_accumulated(
        optimizer: *mut lars_optimizer,
        accumulated: *mut u32,
        micro_batches: *mut u32,
    ) -> i32;
    pub fn lars_set_carry_norms(optimizer: *mut lars_optimizer, carry: i32) -> i32;
    pub fn lars_carry_norms(optimizer: *mut lars_optimizer, carry: *mut i32) -> i32;
    pub fn lars_parameters_changed(optimizer: *mut lars_optimizer) -> i32;
    pub fn lars_step_count(optimizer: *mut lars_optimizer, steps: *mut u64) -> i32;
    pub fn lars_parameter_step_count(optimizer: *mut lars_optimizer, index: u32, steps: *mut u64) -> i32;
    pub fn lars_set_parameter_step_count(optimizer: *mut lars_optimizer, index: u32, steps: u64) -> i32;
    pub fn lars_norms(
        optimizer: *mut lars_optimizer,
        index: u32,
        weight_norm: *mut f64,
        update_norm: *mut f64,
        trust_ratio: *mut f64,
    ) -> i32;
    pub fn lars_skip_count(optimizer: *mut lars_optimizer, consecutive: *mut u64, total: *mut u64) -> i32;
    pub fn lars_telemetry(optimizer: *mut lars_optimizer, quantity: i32, values: *mut f64) -> i32;
    pub fn lars_set_gradient_norms(optimizer: *mut lars_optimizer, wanted: i32) -> i32;
    pub fn lars_gradient_norms(optimizer: *mut lars_optimizer, wanted: *mut i32) -> i32;
    pub fn lars_set_observer(
        optimizer: *mut lars_optimizer,
        observer: lars_observer,
        user: *mut ::core::ffi::c_void,
    ) -> i32;
    pub fn lars_nonfinite(
        optimizer: *mut lars_optimizer,
        index: *mut u32,
        parameter_elements: *mut u64,
        gradient_elements: *mut u64,
    ) -> i32;
    pub fn lars_save(optimizer: *mut lars_optimizer, path: *const ::core::ffi::c_char) -> i32;
    pub fn lars_load(optimizer: *mut lars_optimizer, path: *const ::core::ffi::c_char) -> i32;
    pub fn lars_save_size(optimizer: *mut lars_optimizer, bytes: *mut u64) -> i32;
    pub fn lars_save_to(optimizer: *mut lars_optimizer, buffer: *mut ::core::ffi::c_void, bytes: u64) -> i32;
    pub fn lars_load_from(
        optimizer: *mut lars_optimizer,
        buffer: *const ::core::ffi::c_void,
        bytes: u64,
    ) -> i32;
    pub fn lars_schedule_constant(value: f64, schedule: *mut *mut lars_schedule) -> i32;
    pub fn lars_schedule_linear(
        init_value: f64,
        end_value: f64,
        transition_steps: u64,
        transition_begin: u64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_polynomial(
        init_value: f64,
        end_value: f64,
        power: f64,
        transition_steps: u64,
        transition_begin: u64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_piecewise_constant(
        init_value: f64,
        count: u32,
        boundaries: *const u64,
        scales: *const f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_piecewise_interpolate(
        interpolation: i32,
        init_value: f64,
        count: u32,
        boundaries: *const u64,
        scales: *const f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_exponential_decay(
        init_value: f64,
        transition_steps: u64,
        decay_rate: f64,
        transition_begin: u64,
        staircase: i32,
        end_value: *const f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_cosine_decay(
        init_value: f64,
        decay_steps: u64,
        alpha: f64,
        exponent: f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_linear_onecycle(
        transition_steps: u64,
        peak_value: f64,
        pct_start: f64,
        pct_final: f64,
        div_factor: f64,
        final_div_factor: f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_cosine_onecycle(
        transition_steps: u64,
        peak_value: f64,
        pct_start: f64,
        div_factor: f64,
        final_div_factor: f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_warmup_constant(
        init_value: f64,
        peak_value: f64,
        warmup_steps: u64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_warmup_cosine_decay(
        init_value: f64,
        peak_value: f64,
        warmup_steps: u64,
        decay_steps: u64,
        end_value: f64,
        exponent: f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_warmup_exponential_decay(
        init_value: f64,
        peak_value: f64,
        warmup_steps: u64,
        transition_steps: u64,
        decay_rate: f64,
        transition_begin: u64,
        staircase: i32,
        end_value: *const f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_sgdr(
        count: u32,
        init_values: *const f64,
        peak_values: *const f64,
        warmup_steps: *const u64,
        decay_steps: *const u64,
        end_values: *const f64,
        exponents: *const f64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_join(
        count: u32,
        schedules: *const *const lars_schedule,
        boundaries: *const u64,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_callback(
        function: lars_schedule_function,
        user: *mut ::core::ffi::c_void,
        schedule: *mut *mut lars_schedule,
    ) -> i32;
    pub fn lars_schedule_value(schedule: *const lars_schedule, step: u64, value: *mut f64) -> i32;
    pub fn lars_schedule_error_message(schedule: *const lars_schedule) -> *const ::core::ffi::c_char;
    pub fn lars_schedule_destroy(schedule: *mut lars_schedule);
}
