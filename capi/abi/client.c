/* A program of this release: it calls every function of lars.h and prints what comes of it. Its binary and
 * what that printed are kept (scripts/abi --update), and every later liblars of the same soname must run the
 * one to print the other. */
#include <lars/lars.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lars_optimizer* optimizer;
static float a[6] = {1, -2, 3, -4, 5, -6};
static float b[2] = {0.5F, -0.25F};
static float ga[6] = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
static float gb[2] = {0.5F, 1.0F};
static float ua[6];
static float ub[2];
static float va[6];
static float vb[2];

static void say(const char* what, int32_t status) {
  /* Not the message's words, which may be better in a later version; only that there is one. */
  const int has_message = optimizer != NULL && lars_error_message(optimizer)[0] != '\0';
  printf("%s: %s%s\n", what, lars_status_name(status), status < 0 && has_message ? ", and why" : "");
}

#define DO(call) say(#call, call)

static void print_floats(const char* name, const float* values, int count) {
  int i;
  printf("%s:", name);
  for (i = 0; i < count; ++i) printf(" %a", (double)values[i]);
  printf("\n");
}

static int32_t is_vector(void* user, uint32_t index, const char* name, int32_t dtype, uint32_t ndim,
                         const int64_t* shape) {
  printf("asked for %s: %u %d %u %lld %s\n", name, index, (int)dtype, ndim, (long long)shape[0],
         (const char*)user);
  return ndim == 1;
}

static int32_t reciprocal(void* user, uint64_t step, double* value) {
  *value = *(const double*)user / (double)(step + 1);
  return 0;
}

static void observe(void* user, int32_t status, uint64_t steps, uint32_t count, uint32_t quantity_count,
                    const double* const* quantities) {
  /* Not how many quantities there are: a later version may have more. */
  printf("%s: %s after %llu steps of %u parameters, %a%s\n", (const char*)user, lars_status_name(status),
         (unsigned long long)steps, count, quantities[LARS_TELEMETRY_TRUST_RATIO][0],
         quantity_count > LARS_TELEMETRY_SKIPPED_SHARE ? "" : ", and too few quantities");
}

static int32_t one_by_one(void* user, uint32_t count, lars_task task, void* context) {
  uint32_t i;
  (void)user;
  for (i = 0; i < count; ++i) task(context, i);
  return 0;
}

static lars_optimizer* make(void) {
  static const int64_t shape_a[] = {2, 3};
  static const int64_t shape_b[] = {2};
  lars_optimizer* made = NULL;
  uint32_t index = 0;
  optimizer = NULL;
  say("lars_create", lars_create(&made));
  optimizer = made;
  DO(lars_add_parameter(optimizer, "a", LARS_F32, 2, shape_a, &index));
  DO(lars_add_parameter(optimizer, "b.bias", LARS_F32, 1, shape_b, &index));
  printf("index %u\n", index);
  return made;
}

static void show_value(const char* name, int32_t status, lars_schedule* schedule) {
  double value = 0.0;
  printf("%s: %s", name, lars_status_name(status));
  if (status == LARS_OK) {
    lars_schedule_value(schedule, 3, &value);
    printf(" %a", value);
  }
  printf("%s\n", lars_schedule_error_message(schedule)[0] != '\0' ? ", and why" : "");
  lars_schedule_destroy(schedule);
}

#define SHOW(constructor, ...)                                                  \
  do {                                                                          \
    lars_schedule* schedule = NULL;                                             \
    const int32_t status = lars_schedule_##constructor(__VA_ARGS__, &schedule); \
    show_value(#constructor, status, schedule);                                 \
  } while (0)

static void schedules(void) {
  static const uint64_t boundaries[] = {2, 5};
  static const double scales[] = {0.5, 0.25};
  static const double ones[] = {1.0, 1.0};
  static const uint64_t cycles[] = {4, 4};
  static const uint64_t warmups[] = {1, 1};
  const lars_schedule* parts[2];
  lars_schedule* first = NULL;
  lars_schedule* second = NULL;
  double one = 1.0;
  SHOW(constant, 0.5);
  SHOW(constant, NAN);
  SHOW(linear, 1.0, 0.0, 8, 1);
  SHOW(polynomial, 1.0, 0.0, 2.0, 8, 1);
  SHOW(piecewise_constant, 1.0, 2, boundaries, scales);
  SHOW(piecewise_interpolate, LARS_INTERPOLATE_COSINE, 1.0, 2, boundaries, scales);
  SHOW(exponential_decay, 1.0, 4, 0.5, 1, 0, &scales[1]);
  SHOW(cosine_decay, 1.0, 10, 0.1, 1.0);
  SHOW(linear_onecycle, 10, 1.0, 0.3, 0.85, 25.0, 1e4);
  SHOW(cosine_onecycle, 10, 1.0, 0.3, 25.0, 1e4);
  SHOW(warmup_constant, 0.0, 1.0, 4);
  SHOW(warmup_cosine_decay, 0.0, 1.0, 4, 10, 0.0, 1.0);
  SHOW(warmup_exponential_decay, 0.0, 1.0, 2, 4, 0.5, 0, 1, NULL);
  SHOW(sgdr, 2, scales, ones, warmups, cycles, scales, ones);
  SHOW(callback, reciprocal, &one);
  lars_schedule_constant(0.5, &first);
  lars_schedule_constant(0.25, &second);
  parts[0] = first;
  parts[1] = second;
  SHOW(join, 2, parts, boundaries);
  lars_schedule_destroy(first);
  lars_schedule_destroy(second);
}

static void settings(void) {
  static char user[] = "user";
  static double one = 1.0;
  lars_schedule* schedule = NULL;
  double value = 0.0;
  uint32_t number = 0;
  uint64_t most = 0;
  int32_t dtype = 0;
  int32_t wanted = 0;
  uint32_t ndim = 0;
  const char* name = NULL;
  const int64_t* shape = NULL;
  lars_schedule_callback(reciprocal, &one, &schedule);
  DO(lars_set(optimizer, NULL, LARS_WEIGHT_DECAY, 0.01));
  DO(lars_set(optimizer, "*.wieght", LARS_EPS, 0.5));
  DO(lars_set_if(optimizer, is_vector, user, LARS_TRUST_RATIO_MASK, 0.0));
  DO(lars_set_schedule(optimizer, NULL, LARS_LEARNING_RATE, schedule));
  DO(lars_set_schedule_if(optimizer, is_vector, user, LARS_EPS, schedule));
  lars_schedule_destroy(schedule);
  DO(lars_get(optimizer, 1, LARS_EPS, &value));
  printf("eps %a\n", value);
  DO(lars_set_variant(optimizer, LARS_VARIANT_TORCH));
  DO(lars_set_nonfinite_policy(optimizer, LARS_NONFINITE_SKIP));
  DO(lars_set_max_consecutive_skips(optimizer, 2));
  DO(lars_set_gradient_clip(optimizer, 1.5));
  DO(lars_set_gradient_norms(optimizer, 1));
  DO(lars_nonfinite_policy(optimizer, &dtype));
  DO(lars_max_consecutive_skips(optimizer, &most));
  DO(lars_gradient_clip(optimizer, &value));
  DO(lars_gradient_norms(optimizer, &wanted));
  printf("policy %d, skips %llu, clip %a, norms %d\n", (int)dtype, (unsigned long long)most, value,
         (int)wanted);
  DO(lars_set_observer(optimizer, observe, user));
  DO(lars_set_kernels(optimizer, "reference"));
  DO(lars_set_threads(optimizer, 1));
  DO(lars_set_parallel_for(optimizer, one_by_one, NULL, 2));
  DO(lars_threads(optimizer, &number));
  DO(lars_set_carry_norms(optimizer, 1));
  DO(lars_carry_norms(optimizer, &wanted));
  DO(lars_set_gradient_dtype(optimizer, "a", LARS_F32));
  DO(lars_gradient_dtype(optimizer, 0, &dtype));
  DO(lars_parameter_count(optimizer, &number));
  DO(lars_parameter_index(optimizer, "b.bias", &number));
  DO(lars_parameter_info(optimizer, 0, &name, &dtype, &ndim, &shape));
  printf("%s %u %s %d %u %lld\n", lars_kernels(optimizer), number, name, (int)dtype, ndim,
         (long long)shape[1]);
}

static void steps(void) {
  void* w[] = {a, b};
  const void* g[] = {ga, gb};
  const void* bad[] = {ga, a};
  void* u[] = {ua, ub};
  float nan[2] = {NAN, 1.0F};
  uint64_t count = 0;
  uint64_t total = 0;
  uint32_t number = 0;
  uint32_t of = 0;
  double norms[3] = {0, 0, 0};
  double telemetry[2] = {0, 0};
  DO(lars_step(optimizer, w, g));
  DO(lars_step(optimizer, w, bad));
  DO(lars_update(optimizer, (const void* const*)w, g, u));
  bad[1] = nan;
  DO(lars_step(optimizer, w, bad));
  DO(lars_skip_count(optimizer, &count, &total));
  DO(lars_nonfinite(optimizer, &number, NULL, &total));
  DO(lars_step_parameter(optimizer, 1, b, gb));
  DO(lars_set_gradient_clip(optimizer, INFINITY));
  DO(lars_step_parameter(optimizer, 1, b, gb));
  DO(lars_parameters_changed(optimizer));
  DO(lars_set_accumulation(optimizer, 2));
  DO(lars_accumulate(optimizer, NULL, g));
  DO(lars_accumulate(optimizer, (const void* const*)w, g));
  DO(lars_accumulated(optimizer, &number, &of));
  DO(lars_step_accumulated(optimizer, w));
  DO(lars_accumulate(optimizer, NULL, g));
  DO(lars_discard_accumulated(optimizer));
  DO(lars_step_count(optimizer, &count));
  DO(lars_set_parameter_step_count(optimizer, 1, 9));
  DO(lars_parameter_step_count(optimizer, 1, &total));
  DO(lars_norms(optimizer, 0, &norms[0], &norms[1], &norms[2]));
  DO(lars_telemetry(optimizer, LARS_TELEMETRY_EFFECTIVE_RATE, telemetry));
  printf("%llu %llu %u %u %a %a %a %a\n", (unsigned long long)count, (unsigned long long)total, number, of,
         norms[0], norms[1], norms[2], telemetry[0]);
  print_floats("a", a, 6);
  print_floats("b", b, 2);
  print_floats("update of a", ua, 6);
}

static void checkpoints(const char* path) {
  uint64_t bytes = 0;
  char* memory;
  DO(lars_save_size(optimizer, &bytes));
  memory = malloc((size_t)bytes);
  DO(lars_save_to(optimizer, memory, bytes));
  DO(lars_load_from(optimizer, memory, bytes));
  DO(lars_load_from(optimizer, memory, bytes / 2));
  free(memory);
  DO(lars_save(optimizer, path));
  DO(lars_load(optimizer, path));
  remove(path);
}

static void others(void) {
  static float flat[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  static const float gradient[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  static const int32_t dtypes[] = {LARS_F32, LARS_F64};
  static const uint64_t elements[] = {6, 2};
  void* w[] = {a, b};
  const void* g[] = {ga, gb};
  void* v[] = {va, vb};
  void* u[] = {ua, ub};
  lars_optimizer* other = make();
  DO(lars_step_flat(optimizer, flat, gradient));
  DO(lars_set_mlperf_resnet50(optimizer, 8192, 10));
  DO(lars_step_flat(optimizer, flat, gradient));
  print_floats("flat", flat, 8);
  lars_destroy(other);
  other = make();
  DO(lars_set(optimizer, NULL, LARS_LEARNING_RATE, 0.5));
  DO(lars_check_arrays(optimizer, LARS_ROLE_PARAMETER, 2, dtypes, elements));
  DO(lars_check_array(optimizer, LARS_ROLE_GRADIENT, 0, LARS_F32, 5));
  DO(lars_check_flat(optimizer, LARS_ROLE_MOMENTUM, LARS_F32, 8));
  DO(lars_step_external(optimizer, w, g, v, NULL));
  DO(lars_update_external(optimizer, (const void* const*)w, g, v, u));
  print_floats("momentum", va, 6);
  print_floats("update", ua, 6);
  DO(lars_destroy(other));
}

int main(int argc, char** argv) {
  lars_optimizer* first;
  if (argc != 2) return 2;
  printf("version %s\n", lars_version() >= 100 && strlen(lars_version_string()) > 4 ? "known" : "unknown");
  schedules();
  first = make();
  settings();
  steps();
  checkpoints(argv[1]);
  DO(lars_destroy(first));
  others();
  return 0;
}
