// What the rows of the table of bad input share.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "capi/bad_input.h"

namespace lars_test {

/// Makes the call on a handle that has one parameter, "taken", no learning rate and no step behind it. The
/// handle becomes the world's message; that the call changed nothing shows in the count of its parameters.
inline std::int32_t on_fresh_handle(World& x, const std::function<std::int32_t(lars_optimizer*)>& call) {
  x.fresh = make_optimizer();
  EXPECT_EQ(lars_add_parameter(x.fresh.get(), "taken", LARS_F32, 0, nullptr, nullptr), LARS_OK);
  const std::int32_t status = call(x.fresh.get());
  std::uint32_t count = 0;
  EXPECT_EQ(lars_parameter_count(x.fresh.get(), &count), LARS_OK);
  EXPECT_EQ(count, 1U);
  std::uint64_t steps = 0;
  EXPECT_EQ(lars_step_count(x.fresh.get(), &steps), LARS_OK);
  EXPECT_EQ(steps, 0U);
  return status;
}

/// What lars_save writes.
inline std::string saved(lars_optimizer* optimizer) {
  std::uint64_t bytes = 0;
  EXPECT_EQ(lars_save_size(optimizer, &bytes), LARS_OK);
  std::string checkpoint(static_cast<std::size_t>(bytes), '\0');
  EXPECT_EQ(lars_save_to(optimizer, checkpoint.data(), bytes), LARS_OK);
  return checkpoint;
}

/// Predicates.
inline std::int32_t select_all(void* /*user*/, std::uint32_t /*index*/, const char* /*name*/,
                               std::int32_t /*dtype*/, std::uint32_t /*ndim*/,
                               const std::int64_t* /*shape*/) {
  return 1;
}

/// Makes the call with one pointer of an array replaced.
template <class Pointer, class Call>
std::int32_t with(std::vector<Pointer>& pointers, std::size_t index, Pointer replacement, const Call& call) {
  const Pointer original = pointers[index];
  pointers[index] = replacement;
  const std::int32_t status = call();
  pointers[index] = original;
  return status;
}
template <class Pointer, class Call>
std::int32_t with(std::vector<Pointer>& pointers, std::size_t index, std::nullptr_t, const Call& call) {
  return with(pointers, index, Pointer{nullptr}, call);
}
template <class Call>
std::int32_t with(std::vector<const void*>& pointers, std::size_t index, void* replacement,
                  const Call& call) {
  return with(pointers, index, static_cast<const void*>(replacement), call);
}
template <class Call>
std::int32_t with(std::vector<const void*>& pointers, std::size_t index, const float* replacement,
                  const Call& call) {
  return with(pointers, index, static_cast<const void*>(replacement), call);
}

inline void* shifted(void* memory, std::size_t bytes) { return static_cast<std::byte*>(memory) + bytes; }
inline const void* shifted(const void* memory, std::size_t bytes) {
  return static_cast<const std::byte*>(memory) + bytes;
}

}  // namespace lars_test
