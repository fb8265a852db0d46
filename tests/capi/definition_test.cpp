// Steps of the reference kernels give the very bits of docs/semantics.md.
#include "support/definition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "support/trainee.h"

namespace lars_test {
namespace {

template <class Real>
std::vector<Real> typed(const Bytes& bytes) {
  std::vector<Real> values(bytes.size() / sizeof(Real));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void apply_settings(Trainee& trainee, const Settings& settings) {
  trainee.set(LARS_LEARNING_RATE, settings.learning_rate);
  trainee.set(LARS_WEIGHT_DECAY, settings.weight_decay);
  trainee.set(LARS_WEIGHT_DECAY_MASK, settings.weight_decay_mask ? 1 : 0);
  trainee.set(LARS_TRUST_COEFFICIENT, settings.trust_coefficient);
  trainee.set(LARS_EPS, settings.eps);
  trainee.set(LARS_TRUST_RATIO_MASK, settings.trust_ratio_mask ? 1 : 0);
  trainee.set(LARS_MOMENTUM, settings.momentum);
  trainee.set(LARS_NESTEROV, settings.nesterov ? 1 : 0);
  trainee.set(LARS_GRADIENT_SCALE, settings.gradient_scale);
  trainee.set(LARS_DENOMINATOR, settings.denominator);
  trainee.set(LARS_OUTSIDE_MOMENTUM, settings.outside_momentum);
  trainee.set(LARS_TRUST_CLIP, settings.trust_clip ? 1 : 0);
  trainee.set(LARS_DAMPENING, settings.dampening);
  trainee.set(LARS_DECAY_IN_UPDATE, settings.decay_in_update ? 1 : 0);
  trainee.set(LARS_ZERO_NORM_DECAY, settings.zero_norm_decay ? 1 : 0);
  trainee.set(LARS_CLIP_VALUE, settings.clip_value);
}

/// The factor by which all gradients are clipped, tensors in order of name.
template <class Real>
double defined_clip_scale(const Trainee& trainee, const std::vector<DefinedStep<Real>>& defined,
                          const Settings& settings, double max_norm) {
  std::map<std::string, double> norms;
  double largest = 0.0;
  for (std::size_t i = 0; i < defined.size(); ++i) {
    const double norm = defined_norm(defined[i].scaled(settings, typed<Real>(trainee.gradients[i])));
    norms[trainee.specs()[i].name] = norm;
    largest = std::max(largest, norm);
  }
  double sum = 0.0;
  for (const auto& [name, norm] : norms) sum += (norm / largest) * (norm / largest);
  const double norm = largest * std::sqrt(sum);
  return norm < max_norm ? 1.0 : max_norm / norm;
}

enum class Sizes { all, small };

template <class Real>
void expect_defined_bits(const Settings& settings, double max_norm = INFINITY,
                         const char* kernels = "reference", Sizes sizes = Sizes::all) {
  std::vector<TensorSpec> specs = assorted_tensors(sizeof(Real) == 4 ? LARS_F32 : LARS_F64);
  if (sizes == Sizes::small) std::erase_if(specs, [](const TensorSpec& spec) { return spec.count() > 1000; });
  Trainee trainee(std::move(specs));
  EXPECT_EQ(lars_set_kernels(trainee.get(), kernels), LARS_OK);
  EXPECT_EQ(lars_set_gradient_clip(trainee.get(), max_norm), LARS_OK);
  apply_settings(trainee, settings);
  set_element(trainee.specs()[4], trainee.parameters[4], 0, 0.0);  // a tensor whose norm is 0
  std::vector<DefinedStep<Real>> defined;
  for (const Bytes& parameter : trainee.parameters) {
    defined.push_back({typed<Real>(parameter), std::vector<Real>(parameter.size() / sizeof(Real))});
  }
  for (std::uint64_t step = 0; step < 3; ++step) {
    trainee.draw_gradients(step);
    ASSERT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
    const double clip_scale = defined_clip_scale(trainee, defined, settings, max_norm);
    for (std::uint32_t i = 0; i < defined.size(); ++i) {
      SCOPED_TRACE(trainee.specs()[i].name);
      defined[i].step(settings, typed<Real>(trainee.gradients[i]), clip_scale);
      ASSERT_EQ(typed<Real>(trainee.parameters[i]), defined[i].parameter);
      double weight_norm = 0.0;
      double update_norm = 0.0;
      double trust_ratio = 0.0;
      ASSERT_EQ(lars_norms(trainee.get(), i, &weight_norm, &update_norm, &trust_ratio), LARS_OK);
      EXPECT_EQ(weight_norm, defined[i].weight_norm);
      EXPECT_EQ(update_norm, defined[i].update_norm);
      EXPECT_EQ(trust_ratio, defined[i].trust_ratio);
    }
  }
}

TEST(Definition, HoldsToTheBitForEveryCombinationOfSwitches) {
  for (int bits = 0; bits < 64; ++bits) {
    Settings settings;
    settings.weight_decay = (bits & 1) != 0 ? 0.02 : 0.0;
    settings.weight_decay_mask = (bits & 2) == 0;
    settings.trust_ratio_mask = (bits & 4) == 0;
    settings.nesterov = (bits & 8) != 0;
    settings.eps = (bits & 16) != 0 ? 0.3 : 0.0;
    settings.gradient_scale = (bits & 32) != 0 ? -0.37 : 1.0;
    settings.learning_rate = 7.3;
    SCOPED_TRACE(bits);
    expect_defined_bits<float>(settings);
    expect_defined_bits<double>(settings);
  }
}

TEST(Definition, HoldsToTheBitForEveryVariantOnLargeTensors) {
  for (int outside = 0; outside < 3; ++outside) {
    Settings settings;
    settings.denominator = (outside + 1) % 3;
    settings.outside_momentum = outside;
    settings.weight_decay = 0.02;
    settings.clip_value = 0.05;
    settings.trust_coefficient = 0.1;
    settings.learning_rate = 0.3;
    SCOPED_TRACE(outside);
    expect_defined_bits<float>(settings, 0.5, "auto");
    expect_defined_bits<double>(settings, 0.5, "auto");
  }
}

/// Every choice of the variants, with and without clipping, by plain loops and by the widest vectors. Tensors
/// are small: there are many choices, and an emulator is slow.
TEST(Definition, HoldsToTheBitForEveryVariant) {
  for (int bits = 0; bits < 3 * 3 * 64; ++bits) {
    Settings settings;
    settings.denominator = bits % 3;
    settings.outside_momentum = bits / 3 % 3;
    const int switches = bits / 9;
    settings.trust_clip = (switches & 1) != 0;
    settings.dampening = (switches & 2) != 0 ? 0.3 : 0.0;
    settings.decay_in_update = (switches & 4) == 0;
    settings.zero_norm_decay = (switches & 8) == 0;
    settings.clip_value = (switches & 16) != 0 ? 0.05 : INFINITY;
    settings.nesterov = (switches & 32) != 0;
    settings.weight_decay = 0.02;
    settings.gradient_scale = -0.37;
    settings.trust_coefficient = 0.1;
    settings.learning_rate = 0.3;
    SCOPED_TRACE(bits);
    expect_defined_bits<float>(settings, INFINITY, "auto", Sizes::small);
    expect_defined_bits<double>(settings, INFINITY, "reference", Sizes::small);
    expect_defined_bits<float>(settings, 0.5, "reference", Sizes::small);
    expect_defined_bits<double>(settings, 0.5, "auto", Sizes::small);
  }
}

/// Norms of binary64 tensors whose squares overflow, underflow, or do so in part; magnitudes of all kinds in
/// each.
TEST(Definition, HoldsToTheBitAtTheEndsOfTheRange) {
  const TensorSpec spec = {"w", LARS_F64, {2 * 4096 + 37}};
  for (const double magnitude :
       {1e-300, 1e-200, 1e-162, 1e-150, 1e-145, 1e-144, 1e150, 1e153, 1e160, 1e200, 1e300}) {
    SCOPED_TRACE(magnitude);
    Trainee trainee({spec});
    trainee.parameters[0] = random_values(spec, 5, magnitude);
    trainee.gradients[0] = random_values(spec, 6, magnitude);
    for (std::size_t i = 0; i < 4000; ++i) {  // and some that are small beside the others
      set_element(spec, trainee.parameters[0], i, element(spec, trainee.parameters[0], i) * 1e-9);
    }
    Settings settings;
    settings.weight_decay = 0.01;
    apply_settings(trainee, settings);
    DefinedStep<double> defined = {typed<double>(trainee.parameters[0]), std::vector<double>(spec.count())};
    defined.step(settings, typed<double>(trainee.gradients[0]));
    ASSERT_EQ(trainee.step(), LARS_OK) << lars_error_message(trainee.get());
    EXPECT_EQ(typed<double>(trainee.parameters[0]), defined.parameter);
    double weight_norm = 0.0;
    double update_norm = 0.0;
    ASSERT_EQ(lars_norms(trainee.get(), 0, &weight_norm, &update_norm, nullptr), LARS_OK);
    EXPECT_EQ(weight_norm, defined.weight_norm);
    EXPECT_EQ(update_norm, defined.update_norm);
  }
}

TEST(Definition, HoldsForDefaults) {
  expect_defined_bits<float>({});
  expect_defined_bits<double>({});
}

}  // namespace
}  // namespace lars_test
