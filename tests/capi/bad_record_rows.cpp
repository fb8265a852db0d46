// Bad input to variants, clipping, telemetry and checkpoints.
#include <cmath>

#include "capi/bad_input_helpers.h"

namespace lars_test {
namespace {

/// Makes the call while gradients are clipped by their global norm.
template <class Call>
std::int32_t while_clipped(World& x, const Call& call) {
  EXPECT_EQ(lars_set_gradient_clip(x.get(), 1.0), LARS_OK);
  const std::int32_t status = call();
  EXPECT_EQ(lars_set_gradient_clip(x.get(), INFINITY), LARS_OK);
  return status;
}

std::int32_t load(World& x, const std::string& checkpoint) {
  return lars_load_from(x.get(), checkpoint.data(), checkpoint.size());
}

/// Loads the world's own checkpoint after `damage` was done to it.
template <class Damage>
std::int32_t load_damaged(World& x, const Damage& damage) {
  std::string checkpoint = saved(x.get());
  damage(checkpoint);
  return load(x, checkpoint);
}

std::int32_t load_replaced(World& x, const std::string& text, const std::string& replacement) {
  return load_damaged(x, [&](std::string& checkpoint) {
    const std::size_t place = checkpoint.find(text);
    ASSERT_NE(place, std::string::npos);
    ASSERT_EQ(text.size(), replacement.size());
    checkpoint.replace(place, text.size(), replacement);
  });
}

/// Loads the checkpoint of an optimizer of other parameters.
std::int32_t load_of(World& x, std::vector<TensorSpec> specs) {
  return load(x, saved(Trainee(std::move(specs)).get()));
}

std::vector<Row> rows_of_settings() {
  // One row, two lines: what is wrong and what is expected; the call.
  // clang-format off
  return {
      {"lars_set_variant", "variant", "unknown 6", LARS_ERR_ARGUMENT, {"variant 6 is unknown", "LARS_VARIANT_OPTAX (0) to LARS_VARIANT_TF (5)"},
       [](World& x) { return lars_set_variant(x.get(), 6); }},
      {"lars_set_variant", "variant", "unknown minus 1", LARS_ERR_ARGUMENT, {"variant -1 is unknown"},
       [](World& x) { return lars_set_variant(x.get(), -1); }},
      {"lars_set_mlperf_resnet50", "batch", "0", LARS_ERR_VALUE, {"batch: 0 is not allowed", "at least 1"},
       [](World& x) { return lars_set_mlperf_resnet50(x.get(), 0, 313); }},
      {"lars_set_mlperf_resnet50", "steps_per_epoch", "0", LARS_ERR_VALUE, {"steps_per_epoch: 0 is not allowed", "from 1 to 281474976710656"},
       [](World& x) { return lars_set_mlperf_resnet50(x.get(), 4096, 0); }},
      {"lars_set_mlperf_resnet50", "steps_per_epoch", "too many", LARS_ERR_VALUE, {"steps_per_epoch: 281474976710657 is not allowed"},
       [](World& x) { return lars_set_mlperf_resnet50(x.get(), 4096, (std::uint64_t{1} << 48) + 1); }},
      {"lars_set_gradient_clip", "max_norm", "NaN", LARS_ERR_VALUE, {"max_norm: nan is not allowed", "above 0"},
       [](World& x) { return lars_set_gradient_clip(x.get(), NAN); }},
      {"lars_set_gradient_clip", "max_norm", "0", LARS_ERR_VALUE, {"max_norm: 0 is not allowed", "above 0", "infinity"},
       [](World& x) { return lars_set_gradient_clip(x.get(), 0.0); }},
      {"lars_set_gradient_clip", "max_norm", "negative", LARS_ERR_VALUE, {"max_norm: -1 is not allowed", "above 0"},
       [](World& x) { return lars_set_gradient_clip(x.get(), -1.0); }},
      {"lars_step_parameter", "optimizer", "gradients are clipped by their global norm", LARS_ERR_STATE, {"global norm", "use lars_step"},
       [](World& x) { return while_clipped(x, [&] { return lars_step_parameter(x.get(), 0, x.w[0], x.g[0]); }); }},
      {"lars_telemetry", "quantity", "unknown 7", LARS_ERR_ARGUMENT, {"quantity 7 is unknown", "LARS_TELEMETRY_WEIGHT_NORM (0) to LARS_TELEMETRY_SKIPPED_SHARE (6)"},
       [](World& x) { return lars_telemetry(x.get(), LARS_TELEMETRY_SKIPPED_SHARE + 1, &x.value); }},
      {"lars_telemetry", "quantity", "unknown minus 1", LARS_ERR_ARGUMENT, {"quantity -1 is unknown"},
       [](World& x) { return lars_telemetry(x.get(), -1, &x.value); }},
      {"lars_telemetry", "values", "NULL", LARS_ERR_ARGUMENT, {"values is NULL"},
       [](World& x) { return lars_telemetry(x.get(), LARS_TELEMETRY_WEIGHT_NORM, nullptr); }},
      {"lars_set_gradient_norms", "wanted", "neither 0 nor 1", LARS_ERR_ARGUMENT, {"wanted: 2 is not allowed", "0 or 1"},
       [](World& x) { return lars_set_gradient_norms(x.get(), 2); }},
      {"lars_gradient_clip", "max_norm", "NULL", LARS_ERR_ARGUMENT, {"max_norm is NULL"},
       [](World& x) { return lars_gradient_clip(x.get(), nullptr); }},
      {"lars_nonfinite_policy", "policy", "NULL", LARS_ERR_ARGUMENT, {"policy is NULL"},
       [](World& x) { return lars_nonfinite_policy(x.get(), nullptr); }},
      {"lars_max_consecutive_skips", "most", "NULL", LARS_ERR_ARGUMENT, {"most is NULL"},
       [](World& x) { return lars_max_consecutive_skips(x.get(), nullptr); }},
      {"lars_carry_norms", "carry", "NULL", LARS_ERR_ARGUMENT, {"carry is NULL"},
       [](World& x) { return lars_carry_norms(x.get(), nullptr); }},
      {"lars_gradient_norms", "wanted", "NULL", LARS_ERR_ARGUMENT, {"wanted is NULL"},
       [](World& x) { return lars_gradient_norms(x.get(), nullptr); }},
      {"lars_nonfinite", "optimizer", "no such step", LARS_ERR_STATE, {"no step was refused or skipped because of NaN or Inf"},
       [](World& x) { return lars_nonfinite(x.get(), &x.number, &x.count, nullptr); }},
  };
  // clang-format on
}

std::vector<Row> rows_of_checkpoints() {
  // clang-format off
  return {
      {"lars_save", "path", "NULL", LARS_ERR_ARGUMENT, {"path is NULL"},
       [](World& x) { return lars_save(x.get(), nullptr); }},
      {"lars_save", "path", "empty", LARS_ERR_ARGUMENT, {"path is empty", "must name a file"},
       [](World& x) { return lars_save(x.get(), ""); }},
      {"lars_save", "path", "in no folder", LARS_ERR_IO, {"cannot create '/no folder/state.", "No such file or directory", "'/no folder/state' is as it was"},
       [](World& x) { return lars_save(x.get(), "/no folder/state"); }},
      {"lars_save", "path", "is a folder", LARS_ERR_IO, {"is not a regular file", "nothing was written"},
       [](World& x) { return lars_save(x.get(), "."); }},
      {"lars_load", "path", "NULL", LARS_ERR_ARGUMENT, {"path is NULL"},
       [](World& x) { return lars_load(x.get(), nullptr); }},
      {"lars_load", "path", "empty", LARS_ERR_ARGUMENT, {"path is empty", "must name a file"},
       [](World& x) { return lars_load(x.get(), ""); }},
      {"lars_load", "path", "is not there", LARS_ERR_IO, {"cannot open '/no folder/state'", "No such file or directory"},
       [](World& x) { return lars_load(x.get(), "/no folder/state"); }},
      {"lars_load", "path", "is a folder", LARS_ERR_IO, {"'.' is not a regular file"},
       [](World& x) { return lars_load(x.get(), "."); }},
      {"lars_load", "path", "is no checkpoint", LARS_ERR_FORMAT, {"'/proc/self/exe': this is no checkpoint"},
       [](World& x) { return lars_load(x.get(), "/proc/self/exe"); }},
      {"lars_save_size", "bytes", "NULL", LARS_ERR_ARGUMENT, {"bytes is NULL"},
       [](World& x) { return lars_save_size(x.get(), nullptr); }},
      {"lars_save_to", "buffer", "NULL", LARS_ERR_ARGUMENT, {"buffer is NULL"},
       [](World& x) { return lars_save_to(x.get(), nullptr, 1); }},
      {"lars_save_to", "bytes", "too few", LARS_ERR_VALUE, {"bytes: 8 is not the size of the checkpoint", "lars_save_size says"},
       [](World& x) { return lars_save_to(x.get(), x.updates[0], 8); }},
      {"lars_load_from", "buffer", "NULL", LARS_ERR_ARGUMENT, {"buffer is NULL"},
       [](World& x) { return lars_load_from(x.get(), nullptr, 1); }},
      {"lars_load_from", "bytes", "none", LARS_ERR_FORMAT, {"0 bytes are too few"},
       [](World& x) { return lars_load_from(x.get(), x.w[0], 0); }},
      {"lars_load_from", "bytes", "one less than there are", LARS_ERR_FORMAT, {"truncated"},
       [](World& x) { return load_damaged(x, [](std::string& checkpoint) { checkpoint.pop_back(); }); }},
      {"lars_load_from", "bytes", "one more than there are", LARS_ERR_FORMAT, {"more than it says"},
       [](World& x) { return load_damaged(x, [](std::string& checkpoint) { checkpoint.push_back('\0'); }); }},
      {"lars_load_from", "buffer", "is no checkpoint", LARS_ERR_FORMAT, {"this is no checkpoint"},
       [](World& x) { return load(x, std::string(64, 'x')); }},
      {"lars_load_from", "buffer", "has a flipped bit in a tensor", LARS_ERR_FORMAT, {"is damaged", "checksum"},
       [](World& x) { return load_damaged(x, [](std::string& checkpoint) { checkpoint.back() = static_cast<char>(checkpoint.back() ^ 1); }); }},
      {"lars_load_from", "buffer", "has a flipped bit in the header", LARS_ERR_FORMAT, {"header is damaged", "checksum"},
       [](World& x) { return load_replaced(x, R"(\"started\":true)", R"(\"starteD\":true)"); }},
      {"lars_load_from", "buffer", "has a newer format", LARS_ERR_FORMAT, {"format 9", "reads format 1"},
       [](World& x) { return load_replaced(x, R"("format_version":"1")", R"("format_version":"9")"); }},
      {"lars_load_from", "optimizer", "has no parameter of that name", LARS_ERR_MISMATCH, {"parameter 'c'", "this optimizer has not"},
       [](World& x) { return load_of(x, {{"a.weight", LARS_F32, {3, 2}}, {"a.bias", LARS_F32, {2}}, {"c", LARS_F64, {4}}}); }},
      {"lars_load_from", "optimizer", "has a parameter more", LARS_ERR_MISMATCH, {"no parameter 'b'", "this optimizer has"},
       [](World& x) { return load_of(x, {{"a.weight", LARS_F32, {3, 2}}, {"a.bias", LARS_F32, {2}}}); }},
      {"lars_load_from", "optimizer", "has another type", LARS_ERR_MISMATCH, {"'b' is F32 in the checkpoint and F64 here"},
       [](World& x) { return load_of(x, {{"a.weight", LARS_F32, {3, 2}}, {"a.bias", LARS_F32, {2}}, {"b", LARS_F32, {4}}}); }},
      {"lars_load_from", "optimizer", "has another shape", LARS_ERR_MISMATCH, {"'a.weight'", "[2,3] in the checkpoint and [3,2] here"},
       [](World& x) { return load_of(x, {{"a.weight", LARS_F32, {2, 3}}, {"a.bias", LARS_F32, {2}}, {"b", LARS_F64, {4}}}); }},
  };
  // clang-format on
}

}  // namespace

std::vector<Row> record_rows() {
  std::vector<Row> rows = rows_of_settings();
  for (Row& row : rows_of_checkpoints()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace lars_test
