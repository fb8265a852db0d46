// A handle under random calls, and its tensors.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "fuzz.h"

namespace lars_fuzz {

inline std::size_t size_of_type(std::int32_t type) { return static_cast<std::size_t>(type % 256) / 8; }

/// Memory of a tensor, for elements of any type.
struct Buffer {
  std::vector<double> memory;

  explicit Buffer(std::size_t elements) : memory(elements + 1) {}
  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(memory.data()); }
  [[nodiscard]] const unsigned char* bytes() const {
    return reinterpret_cast<const unsigned char*>(memory.data());
  }

  /// Of the 16-bit types any number becomes one of about its size, which of them does not matter.
  void write(std::int32_t type, std::size_t i, double value) {
    if (type == LARS_F64) {
      std::memcpy(bytes() + 8 * i, &value, 8);
    } else if (type == LARS_F32) {
      const auto number = static_cast<float>(value);
      std::memcpy(bytes() + 4 * i, &number, 4);
    } else {
      const auto number = static_cast<float>(value);
      std::uint32_t bits = 0;
      std::memcpy(&bits, &number, 4);
      const std::uint32_t word = type == LARS_BF16 ? bits >> 16 : half(bits);
      std::memcpy(bytes() + 2 * i, &word, 2);  // the lower half: this machine is little-endian
    }
  }

 private:
  /// binary16, cut rather than rounded; small numbers become 0, large ones infinite.
  static std::uint32_t half(std::uint32_t bits) {
    const std::uint32_t sign = bits >> 16 & 0x8000;
    const std::int32_t exponent = static_cast<std::int32_t>(bits >> 23 & 0xff) - 112;
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7e00;
    if (exponent <= 0) return sign;
    if (exponent >= 31) return sign | 0x7c00;
    return sign | static_cast<std::uint32_t>(exponent) << 10 | (bits >> 13 & 0x3ff);
  }
};

inline bool is_nan(std::int32_t type, const unsigned char* element) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, element, size_of_type(type));
  switch (type) {
    case LARS_F64: return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000;
    case LARS_F32: return (bits & 0x7fffffff) > 0x7f800000;
    case LARS_F16: return (bits & 0x7fff) > 0x7c00;
    default: return (bits & 0x7fff) > 0x7f80;
  }
}

/// The same bits, but that which NaN a NaN is, is not defined.
inline bool same_numbers(std::int32_t type, std::size_t count, const Buffer& a, const Buffer& b) {
  const std::size_t size = size_of_type(type);
  if (std::memcmp(a.bytes(), b.bytes(), count * size) == 0) return true;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned char* x = a.bytes() + i * size;
    const unsigned char* y = b.bytes() + i * size;
    if (std::memcmp(x, y, size) != 0 && !(is_nan(type, x) && is_nan(type, y))) return false;
  }
  return true;
}

struct Tensor {
  std::int32_t type;
  std::size_t count;
  Buffer parameter;
  Buffer gradient;
  Buffer update;
  Buffer momentum;  // of the caller's, as the next
  Buffer master;
};

struct Side {
  lars_optimizer* optimizer = nullptr;
  std::vector<Tensor> tensors;
  std::vector<void*> parameters;  // as the calls take them
  std::vector<const void*> gradients;
  std::vector<void*> updates;
  std::vector<void*> momentum;
  std::vector<void*> masters;
  std::uint64_t notified = 0;     // calls of the observer
  std::uint64_t saved_bytes = 0;  // of the last checkpoint

  explicit Side(const char* kernels) {
    require(lars_create(&optimizer) == LARS_OK, "a handle is made");
    require(lars_set_kernels(optimizer, kernels) == LARS_OK, "the kernels are there");
  }
  ~Side() { lars_destroy(optimizer); }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  Side(Side&&) = delete;
  Side& operator=(Side&&) = delete;

  void set_tensors(std::vector<Tensor> all) {
    tensors = std::move(all);
    parameters.clear();
    gradients.clear();
    updates.clear();
    momentum.clear();
    masters.clear();
    for (Tensor& tensor : tensors) {
      parameters.push_back(tensor.parameter.bytes());
      gradients.push_back(tensor.gradient.bytes());
      updates.push_back(tensor.update.bytes());
      momentum.push_back(tensor.momentum.bytes());
      masters.push_back(tensor.master.bytes());
    }
  }
};

/// Parameters, what lars_update writes, and the caller's state.
inline bool same_tensors(const Side& a, const Side& b) {
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const Tensor& x = a.tensors[i];
    const Tensor& y = b.tensors[i];
    if (!same_numbers(x.type, x.count, x.parameter, y.parameter)) return false;
    if (!same_numbers(x.type, x.count, x.update, y.update)) return false;
    if (!same_numbers(x.type == LARS_F64 ? LARS_F64 : LARS_F32, x.count, x.momentum, y.momentum))
      return false;
    if (!same_numbers(x.type == LARS_F16 ? LARS_F32 : LARS_BF16, x.count, x.master, y.master)) return false;
  }
  return true;
}

}  // namespace lars_fuzz
