// liblars as a custom call of XLA on the CPU: updates and the new momentum from parameters, gradients and
// momentum.
//
// Operands: hyper-parameters that are computed (an F32 or F64 vector), then n parameters, n gradients and n
// momentum buffers, each F32 or F64. Results: n updates and n momentum buffers, which are those of the
// operands.
#include <lars/lars.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

struct Destroy {
  void operator()(lars_optimizer* optimizer) const { lars_destroy(optimizer); }
};
using Handle = std::unique_ptr<lars_optimizer, Destroy>;

/// What a call says of its optimizer besides the arrays.
struct Settings {
  ffi::Span<const std::int32_t> keys;  // with their values
  ffi::Span<const double> values;
  ffi::Span<const std::int32_t> computed_keys;  // whose values are the first operand's
  ffi::Span<const std::int32_t> decay_mask;     // by parameter
  ffi::Span<const std::int32_t> trust_ratio_mask;
};

/// The arrays of a call; as lars.h takes them.
struct Arrays {
  std::vector<const void*> parameters;
  std::vector<const void*> gradients;
  std::vector<void*> momentum;
  std::vector<void*> updates;
};

/// A status that is an error, with its reason.
struct Failure {
  std::string message;
};

void require(bool holds, const char* what) {
  if (!holds) throw Failure{std::string("liblars: ") + what};
}

void require(std::int32_t status, const Handle& handle) {
  if (status < 0)
    throw Failure{std::string(lars_status_name(status)) + ": " + lars_error_message(handle.get())};
}

std::int32_t dtype_of(const ffi::AnyBuffer& buffer) {
  require(buffer.element_type() == ffi::F32 || buffer.element_type() == ffi::F64,
          "parameters must be float32 or float64");
  return buffer.element_type() == ffi::F64 ? LARS_F64 : LARS_F32;
}

/// Optimizers that were made for calls like this one, so that a training run makes one and not one a step.
/// They keep nothing from step to step but their masks: the state and the other settings are the caller's.
class Pool {
 public:
  Handle take(const std::string& description) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Handle>& all = handles_[description];
    if (all.empty()) return nullptr;
    Handle handle = std::move(all.back());
    all.pop_back();
    return handle;
  }
  void give_back(const std::string& description, Handle handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    handles_[description].push_back(std::move(handle));
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Handle>> handles_;
};

Pool& pool() {
  static Pool& all = *new Pool;  // never destroyed: XLA's threads may outlive this library's end
  return all;
}

template <class T>
void append(std::string& text, const T* data, std::size_t count) {
  text.append(reinterpret_cast<const char*>(&count), sizeof count);
  text.append(reinterpret_cast<const char*>(data), count * sizeof(T));
}

std::string description_of(const std::vector<ffi::AnyBuffer>& parameters, const Settings& settings) {
  std::string text;
  for (const ffi::AnyBuffer& parameter : parameters) {
    const std::int32_t dtype = dtype_of(parameter);
    append(text, &dtype, 1);
    append(text, parameter.dimensions().begin(), parameter.dimensions().size());
  }
  append(text, settings.decay_mask.begin(), settings.decay_mask.size());
  append(text, settings.trust_ratio_mask.begin(), settings.trust_ratio_mask.size());
  return text;
}

Handle make(const std::vector<ffi::AnyBuffer>& parameters, const Settings& settings) {
  lars_optimizer* made = nullptr;
  const std::int32_t created = lars_create(&made);
  Handle handle(made);
  require(created, handle);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto dimensions = parameters[i].dimensions();
    const std::string name = "p" + std::to_string(i);
    require(lars_add_parameter(handle.get(), name.c_str(), dtype_of(parameters[i]),
                               static_cast<std::uint32_t>(dimensions.size()), dimensions.begin(), nullptr),
            handle);
    require(lars_set(handle.get(), name.c_str(), LARS_WEIGHT_DECAY_MASK, settings.decay_mask[i]), handle);
    require(lars_set(handle.get(), name.c_str(), LARS_TRUST_RATIO_MASK, settings.trust_ratio_mask[i]),
            handle);
  }
  require(lars_set_nonfinite_policy(handle.get(), LARS_NONFINITE_PROPAGATE), handle);  // as XLA does
  return handle;
}

/// Sets what every call brings along.
void set_values(const Handle& handle, const ffi::AnyBuffer& values, const Settings& settings) {
  for (std::size_t i = 0; i < settings.keys.size(); ++i)
    require(lars_set(handle.get(), nullptr, settings.keys[i], settings.values[i]), handle);
  require(values.element_count() == settings.computed_keys.size(),
          "a value is needed for every computed key");
  for (std::size_t i = 0; i < settings.computed_keys.size(); ++i) {
    const double value = values.element_type() == ffi::F64
                             ? static_cast<const double*>(values.untyped_data())[i]
                             : double{static_cast<const float*>(values.untyped_data())[i]};
    require(lars_set(handle.get(), nullptr, settings.computed_keys[i], value), handle);
  }
}

ffi::AnyBuffer argument(const ffi::RemainingArgs& arguments, std::size_t index) {
  const auto buffer = arguments.get<ffi::AnyBuffer>(index);
  require(buffer.has_value(), "an operand is no buffer");
  return *buffer;
}

ffi::AnyBuffer result(const ffi::RemainingRets& results, std::size_t index) {
  auto buffer = results.get<ffi::AnyBuffer>(index);
  require(buffer.has_value(), "a result is no buffer");
  return **buffer;
}

/// Whether all arrays of a parameter are as long and of the same type as it.
void require_same(const ffi::AnyBuffer& parameter, const ffi::AnyBuffer& other) {
  require(
      other.element_type() == parameter.element_type() && other.element_count() == parameter.element_count(),
      "gradients, momentum and updates must have their parameter's type and size");
}

ffi::Error update(const ffi::RemainingArgs& arguments, const ffi::RemainingRets& results,
                  const Settings& settings) {
  const std::size_t count = settings.decay_mask.size();
  require(arguments.size() == 1 + 3 * count && results.size() == 2 * count &&
              settings.trust_ratio_mask.size() == count && settings.keys.size() == settings.values.size(),
          "the number of operands, results or masks is wrong");
  std::vector<ffi::AnyBuffer> parameters;
  Arrays arrays;
  for (std::size_t i = 0; i < count; ++i) {
    const ffi::AnyBuffer parameter = argument(arguments, 1 + i);
    const ffi::AnyBuffer gradient = argument(arguments, 1 + count + i);
    const ffi::AnyBuffer before = argument(arguments, 1 + 2 * count + i);
    const ffi::AnyBuffer momentum = result(results, count + i);
    const ffi::AnyBuffer increment = result(results, i);
    for (const ffi::AnyBuffer& other : {gradient, before, momentum, increment})
      require_same(parameter, other);
    require(before.untyped_data() == momentum.untyped_data() || parameter.element_count() == 0,
            "the momentum of operands and results must be the same memory");
    parameters.push_back(parameter);
    arrays.parameters.push_back(parameter.untyped_data());
    arrays.gradients.push_back(gradient.untyped_data());
    arrays.momentum.push_back(momentum.untyped_data());
    arrays.updates.push_back(increment.untyped_data());
  }
  const std::string description = description_of(parameters, settings);
  Handle handle = pool().take(description);
  if (handle == nullptr) handle = make(parameters, settings);
  set_values(handle, argument(arguments, 0), settings);
  require(lars_update_external(handle.get(), arrays.parameters.data(), arrays.gradients.data(),
                               arrays.momentum.data(), arrays.updates.data()),
          handle);
  pool().give_back(description, std::move(handle));
  return ffi::Error::Success();
}

ffi::Error call(ffi::RemainingArgs arguments, ffi::RemainingRets results, ffi::Span<const std::int32_t> keys,
                ffi::Span<const double> values, ffi::Span<const std::int32_t> computed_keys,
                ffi::Span<const std::int32_t> decay_mask, ffi::Span<const std::int32_t> trust_ratio_mask) {
  try {
    return update(arguments, results, {keys, values, computed_keys, decay_mask, trust_ratio_mask});
  } catch (const Failure& failure) {
    return ffi::Error::InvalidArgument(failure.message);
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* liblars_update(
    XLA_FFI_CallFrame* call_frame);

XLA_FFI_DEFINE_HANDLER_SYMBOL(liblars_update, call,
                              ffi::Ffi::Bind()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attr<ffi::Span<const std::int32_t>>("keys")
                                  .Attr<ffi::Span<const double>>("values")
                                  .Attr<ffi::Span<const std::int32_t>>("computed_keys")
                                  .Attr<ffi::Span<const std::int32_t>>("decay_mask")
                                  .Attr<ffi::Span<const std::int32_t>>("trust_ratio_mask"));
