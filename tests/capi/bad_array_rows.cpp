// Bad input to the functions that check arrays, and to steps with a state of the caller's.
#include "capi/bad_input_helpers.h"

namespace lars_test {
namespace {

constexpr std::int32_t kTypes[] = {LARS_F32, LARS_F32, LARS_F64};  // of the world's parameters
constexpr std::uint64_t kElements[] = {6, 2, 4};

/// A step with a state of the caller's, on a handle without steps and with one parameter of that type, "w" of
/// three elements. Neither parameter nor state changes.
struct External {
  explicit External(std::int32_t type = LARS_F32) : dtype(type) {}
  External(const External&) = delete;  // its pointers are to itself
  External& operator=(const External&) = delete;

  std::int32_t dtype;
  double parameter[3] = {1, 1, 1};
  double gradient[3] = {1, 1, 1};
  double momentum[3] = {7, 7, 7};
  double master[3] = {0, 0, 0};
  double update[3] = {7, 7, 7};
  void* parameters[1] = {parameter};
  const void* gradients[1] = {gradient};
  void* momenta[1] = {momentum};
  void* masters[1] = {master};
  void* updates[1] = {update};
};

std::int32_t on_external(World& x, std::int32_t dtype, std::int32_t (*call)(lars_optimizer*, External&)) {
  External external(dtype);
  x.fresh = make_optimizer();
  lars_optimizer* fresh = x.fresh.get();
  const std::int64_t three = 3;
  EXPECT_EQ(lars_add_parameter(fresh, "w", external.dtype, 1, &three, nullptr), LARS_OK);
  EXPECT_EQ(lars_set(fresh, nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  const std::int32_t status = call(fresh, external);
  EXPECT_EQ(external.momentum[0], 7.0);
  EXPECT_EQ(external.update[2], 7.0);
  EXPECT_EQ(external.parameter[0], 1.0);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(fresh, &steps), LARS_OK);
  EXPECT_EQ(steps, 0U);
  return status;
}

std::int32_t step(lars_optimizer* o, External& e) {
  return lars_step_external(o, e.parameters, e.gradients, e.momenta, e.masters);
}
std::int32_t update(lars_optimizer* o, External& e) {
  return lars_update_external(o, e.parameters, e.gradients, e.momenta, e.updates);
}

/// The call on a handle that has stepped with a state of the caller's.
std::int32_t after_external(World& x, std::int32_t (*call)(lars_optimizer*, External&)) {
  x.fresh = make_optimizer();
  External external;
  EXPECT_EQ(lars_add_parameter(x.fresh.get(), "w", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  EXPECT_EQ(lars_set(x.fresh.get(), nullptr, LARS_LEARNING_RATE, 1.0), LARS_OK);
  EXPECT_EQ(step(x.fresh.get(), external), LARS_OK) << lars_error_message(x.fresh.get());
  const std::int32_t status = call(x.fresh.get(), external);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(x.fresh.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 1U);
  return status;
}

}  // namespace

std::vector<Row> array_rows() {
  // One row, two lines: what is wrong and what is expected; the call.
  // clang-format off
  return {
      {"lars_check_arrays", "role", "unknown", LARS_ERR_ARGUMENT, {"role 4", "LARS_ROLE_PARAMETER (0)", "LARS_ROLE_MASTER (3)"},
       [](World& x) { return lars_check_arrays(x.get(), 4, 3, kTypes, kElements); }},
      {"lars_check_arrays", "count", "too few", LARS_ERR_ARGUMENT, {"2 gradient arrays", "there are 3 parameters"},
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_GRADIENT, 2, kTypes, kElements); }},
      {"lars_check_arrays", "count", "none", LARS_ERR_ARGUMENT, {"0 gradient arrays", "3 parameters"},
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_GRADIENT, 0, nullptr, nullptr); }},
      {"lars_check_arrays", "dtypes", "NULL", LARS_ERR_ARGUMENT, {"dtypes is NULL"},
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_GRADIENT, 3, nullptr, kElements); }},
      {"lars_check_arrays", "dtypes", "another type", LARS_ERR_TYPE, {"parameter of 'a.bias' (index 1) is F64", "must be F32"},
       [](World& x) { const std::int32_t dtypes[] = {LARS_F32, LARS_F64, LARS_F64}; return lars_check_arrays(x.get(), LARS_ROLE_PARAMETER, 3, dtypes, kElements); }},
      {"lars_check_arrays", "dtypes", "another type of gradient", LARS_ERR_TYPE, {"gradient of 'b' (index 2) is BF16", "must be F64, unless lars_set_gradient_dtype"},
       [](World& x) { const std::int32_t dtypes[] = {LARS_F32, LARS_F32, LARS_BF16}; return lars_check_arrays(x.get(), LARS_ROLE_GRADIENT, 3, dtypes, kElements); }},
      {"lars_check_arrays", "dtypes", "no type", LARS_ERR_TYPE, {"momentum of 'a.weight' (index 0) is dtype 7", "must be F32"},
       [](World& x) { const std::int32_t dtypes[] = {7, LARS_F32, LARS_BF16}; return lars_check_arrays(x.get(), LARS_ROLE_MOMENTUM, 3, dtypes, kElements); }},
      {"lars_check_arrays", "elements", "NULL", LARS_ERR_ARGUMENT, {"elements is NULL"},
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_GRADIENT, 3, kTypes, nullptr); }},
      {"lars_check_arrays", "elements", "too many", LARS_ERR_SHAPE, {"parameter of 'a.weight' (index 0) has 7 elements", "6 are needed for shape [3, 2] in F32"},
       [](World& x) { const std::uint64_t elements[] = {7, 2, 4}; return lars_check_arrays(x.get(), LARS_ROLE_PARAMETER, 3, kTypes, elements); }},
      {"lars_check_arrays", "elements", "a master that is not needed", LARS_ERR_SHAPE, {"master of 'a.weight' (index 0) has 6 elements", "0 are needed"},
       [](World& x) { return lars_check_arrays(x.get(), LARS_ROLE_MASTER, 3, kTypes, kElements); }},
      {"lars_check_array", "role", "unknown", LARS_ERR_ARGUMENT, {"role -1"},
       [](World& x) { return lars_check_array(x.get(), -1, 0, LARS_F32, 6); }},
      {"lars_check_array", "index", "out of range", LARS_ERR_INDEX, {"index 3", "3 parameters"},
       [](World& x) { return lars_check_array(x.get(), LARS_ROLE_PARAMETER, 3, LARS_F32, 6); }},
      {"lars_check_array", "dtype", "another type", LARS_ERR_TYPE, {"parameter of 'a.weight' (index 0) is I16", "must be F32"},
       [](World& x) { return lars_check_array(x.get(), LARS_ROLE_PARAMETER, 0, LARS_I16, 6); }},
      {"lars_check_array", "elements", "too few", LARS_ERR_SHAPE, {"gradient of 'b' (index 2) has 3 elements", "4 are needed"},
       [](World& x) { return lars_check_array(x.get(), LARS_ROLE_GRADIENT, 2, LARS_F64, 3); }},
      {"lars_check_flat", "role", "unknown", LARS_ERR_ARGUMENT, {"role 9"},
       [](World& x) { return lars_check_flat(x.get(), 9, LARS_F32, 12); }},
      {"lars_check_flat", "dtype", "not that of all", LARS_ERR_TYPE, {"gradient of 'b' (index 2) is F32", "must be F64"},
       [](World& x) { return lars_check_flat(x.get(), LARS_ROLE_GRADIENT, LARS_F32, 12); }},
      {"lars_check_flat", "elements", "too many", LARS_ERR_SHAPE, {"flat array given as momentum has 5 elements", "those of all 1 parameters are 1"},
       [](World& x) { return on_fresh_handle(x, [](lars_optimizer* fresh) { return lars_check_flat(fresh, LARS_ROLE_MOMENTUM, LARS_F32, 5); }); }},

      {"lars_step_external", "optimizer", "has a state of its own", LARS_ERR_STATE, {"has a state of its own", "first step"},
       [](World& x) { return lars_step_external(x.get(), x.w.data(), x.g.data(), x.updates.data(), nullptr); }},
      {"lars_step_external", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_step_external(o, nullptr, e.gradients, e.momenta, nullptr); }); }},
      {"lars_step_external", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_step_external(o, e.parameters, nullptr, e.momenta, nullptr); }); }},
      {"lars_step_external", "momentum", "NULL", LARS_ERR_ARGUMENT, {"momentum is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_step_external(o, e.parameters, e.gradients, nullptr, nullptr); }); }},
      {"lars_step_external", "momentum", "NULL inside", LARS_ERR_ARGUMENT, {"momentum of 'w' (index 0) is NULL", "3 elements"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { e.momenta[0] = nullptr; return step(o, e); }); }},
      {"lars_step_external", "momentum", "misaligned", LARS_ERR_ALIGNMENT, {"momentum of 'w'", "element size 4"},
       [](World& x) { return on_external(x, LARS_F16, [](lars_optimizer* o, External& e) { e.momenta[0] = shifted(e.momenta[0], 2); return step(o, e); }); }},
      {"lars_step_external", "momentum", "is the parameter", LARS_ERR_ALIAS, {"parameter of 'w'", "momentum of 'w'"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { e.momenta[0] = e.parameter; return step(o, e); }); }},
      {"lars_step_external", "masters", "NULL of F16", LARS_ERR_ARGUMENT, {"master of 'w' (index 0) is NULL"},
       [](World& x) { return on_external(x, LARS_F16, [](lars_optimizer* o, External& e) { return lars_step_external(o, e.parameters, e.gradients, e.momenta, nullptr); }); }},
      {"lars_step_external", "masters", "NULL inside of BF16", LARS_ERR_ARGUMENT, {"master of 'w' (index 0) is NULL"},
       [](World& x) { return on_external(x, LARS_BF16, [](lars_optimizer* o, External& e) { e.masters[0] = nullptr; return step(o, e); }); }},
      {"lars_step_external", "masters", "misaligned of F16", LARS_ERR_ALIGNMENT, {"master of 'w'", "element size 4"},
       [](World& x) { return on_external(x, LARS_F16, [](lars_optimizer* o, External& e) { e.masters[0] = shifted(e.masters[0], 2); return step(o, e); }); }},
      {"lars_step_external", "masters", "misaligned of BF16", LARS_ERR_ALIGNMENT, {"master of 'w'", "element size 2"},
       [](World& x) { return on_external(x, LARS_BF16, [](lars_optimizer* o, External& e) { e.masters[0] = shifted(e.masters[0], 1); return step(o, e); }); }},
      {"lars_step_external", "masters", "is the gradient", LARS_ERR_ALIAS, {"gradient of 'w'", "master of 'w'"},
       [](World& x) { return on_external(x, LARS_F16, [](lars_optimizer* o, External& e) { e.masters[0] = e.gradient; return step(o, e); }); }},
      {"lars_update_external", "optimizer", "has a state of its own", LARS_ERR_STATE, {"has a state of its own"},
       [](World& x) { return lars_update_external(x.get(), x.w.data(), x.g.data(), x.updates.data(), x.updates.data()); }},
      {"lars_update_external", "optimizer", "F16 parameter", LARS_ERR_TYPE, {"'w' is F16"},
       [](World& x) { return on_external(x, LARS_F16, update); }},
      {"lars_update_external", "parameters", "NULL", LARS_ERR_ARGUMENT, {"parameters is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_update_external(o, nullptr, e.gradients, e.momenta, e.updates); }); }},
      {"lars_update_external", "gradients", "NULL", LARS_ERR_ARGUMENT, {"gradients is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_update_external(o, e.parameters, nullptr, e.momenta, e.updates); }); }},
      {"lars_update_external", "momentum", "NULL", LARS_ERR_ARGUMENT, {"momentum is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_update_external(o, e.parameters, e.gradients, nullptr, e.updates); }); }},
      {"lars_update_external", "updates", "NULL", LARS_ERR_ARGUMENT, {"updates is NULL"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { return lars_update_external(o, e.parameters, e.gradients, e.momenta, nullptr); }); }},
      {"lars_update_external", "updates", "are the momentum", LARS_ERR_ALIAS, {"update of 'w'", "momentum of 'w'"},
       [](World& x) { return on_external(x, LARS_F32, [](lars_optimizer* o, External& e) { e.updates[0] = e.momentum; return update(o, e); }); }},
      {"lars_step", "optimizer", "after steps with the caller's state", LARS_ERR_STATE, {"state of the caller's", "lars_step_external"},
       [](World& x) { return after_external(x, [](lars_optimizer* o, External& e) { return lars_step(o, e.parameters, e.gradients); }); }},
      {"lars_accumulate", "optimizer", "after steps with the caller's state", LARS_ERR_STATE, {"state of the caller's"},
       [](World& x) { return after_external(x, [](lars_optimizer* o, External& e) { return lars_accumulate(o, e.gradients, e.gradients); }); }},
      {"lars_save_size", "optimizer", "after steps with the caller's state", LARS_ERR_STATE, {"momentum of this optimizer is the caller's"},
       [](World& x) { return after_external(x, [](lars_optimizer* o, External&) { std::uint64_t bytes = 0; return lars_save_size(o, &bytes); }); }},
      {"lars_set_parameter_step_count", "index", "out of range", LARS_ERR_INDEX, {"index 3"},
       [](World& x) { return lars_set_parameter_step_count(x.get(), 3, 5); }},
  };
  // clang-format on
}

}  // namespace lars_test
