/**
 * @file
 * Element types and views of the caller's arrays: pointer, length and, for tensors, element type.
 */
#ifndef LARS_CPP_VIEWS_HPP
#define LARS_CPP_VIEWS_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include "../lars.h"

namespace lars {
inline namespace cpp {

/// The element types of lars.h.
enum class Type : std::int32_t {
  f16 = LARS_F16,
  f32 = LARS_F32,
  f64 = LARS_F64,
  bf16 = LARS_BF16,
  i16 = LARS_I16,  ///< only of masters of bf16 parameters
};

/// Storage of a 16-bit number, for programs that have no type of their own for it.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

/// The element type of T. A program's own 16-bit type joins by a specialization:
/// @code
///     template <> struct lars::TypeOf<__half> { static constexpr lars::Type value = lars::Type::f16; };
/// @endcode
template <class T>
struct TypeOf;
template <>
struct TypeOf<float> {
  static constexpr Type value = Type::f32;
};
template <>
struct TypeOf<double> {
  static constexpr Type value = Type::f64;
};
template <>
struct TypeOf<Half> {
  static constexpr Type value = Type::f16;
};
template <>
struct TypeOf<BFloat16> {
  static constexpr Type value = Type::bf16;
};
template <>
struct TypeOf<std::int16_t> {
  static constexpr Type value = Type::i16;
};

/// Whether the elements of a container lie one after the other from data() on. What has strides (Eigen's
/// rows, blocks, maps and references) may have gaps between them; of such, only a matrix or an array that
/// owns its elements is known to have none.
template <class Container, class = void>
struct IsDense : std::true_type {};
template <class Container>
struct IsDense<Container, std::void_t<decltype(std::declval<const Container&>().innerStride())>> {
 private:
  template <class Strided>
  static std::is_base_of<typename Strided::PlainObject, Strided> owns(int);
  template <class Strided>
  static std::false_type owns(...);

 public:
  static constexpr bool value = decltype(owns<Container>(0))::value;
};

/// A pointer and a length, as std::span is from C++20 on: borrowed, and made of anything that has data() and
/// size(), of an array, or of a braced list that lives as long as the call.
template <class T>
class Span {
 public:
  constexpr Span() noexcept = default;
  constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <std::size_t Size>
  constexpr Span(T (&array)[Size]) noexcept : data_(array), size_(Size) {}
  template <class Container,
            class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<Container&>().data()), T*>>>
  constexpr Span(Container&& container) noexcept
      : data_(container.data()), size_(static_cast<std::size_t>(container.size())) {
    static_assert(IsDense<std::decay_t<Container>>::value,
                  "its elements may have gaps between them: copy them to a container that owns them");
  }
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"  // a view of a call's argument ends with the call
#endif
  constexpr Span(std::initializer_list<std::remove_const_t<T>> list) noexcept
      : data_(const_cast<T*>(list.begin())), size_(list.size()) {}
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#pragma GCC diagnostic pop
#endif

  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }
  [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A tensor's memory: where it is, how many elements it has, and of which type. Pointer is `void*` if it may
/// be written, else `const void*`.
template <class Pointer>
class BasicTensor {
 public:
  constexpr BasicTensor() noexcept = default;
  constexpr BasicTensor(Pointer data, std::size_t elements, Type type) noexcept
      : data_(data), elements_(elements), type_(type) {}
  template <class Other, class = std::enable_if_t<std::is_convertible_v<Other, Pointer>>>
  constexpr BasicTensor(const BasicTensor<Other>& other) noexcept
      : data_(other.data()), elements_(other.elements()), type_(other.type()) {}
  /// Of a container of numbers: std::vector<float>, std::span<const double>, Eigen::ArrayXf.
  template <class Container,
            class Element = std::remove_pointer_t<decltype(std::declval<Container&>().data())>,
            class = std::enable_if_t<std::is_convertible_v<Element*, Pointer>>,
            Type ElementType = TypeOf<std::remove_cv_t<Element>>::value>
  constexpr BasicTensor(Container&& container) noexcept
      : data_(container.data()), elements_(static_cast<std::size_t>(container.size())), type_(ElementType) {
    static_assert(IsDense<std::decay_t<Container>>::value,
                  "its elements may have gaps between them: copy them to a container that owns them, or, if "
                  "there are none, pass {x.data(), x.size(), lars::Type::...}");
  }
  /// Of an array.
  template <class Element, std::size_t Size,
            class = std::enable_if_t<std::is_convertible_v<Element*, Pointer>>>
  constexpr BasicTensor(Element (&array)[Size]) noexcept
      : data_(array), elements_(Size), type_(TypeOf<std::remove_cv_t<Element>>::value) {}
  /// Of one number: a scalar.
  template <class Element, class = std::enable_if_t<std::is_arithmetic_v<Element> &&
                                                    std::is_convertible_v<Element*, Pointer>>>
  constexpr BasicTensor(Element& scalar) noexcept
      : data_(&scalar), elements_(1), type_(TypeOf<std::remove_cv_t<Element>>::value) {}

  [[nodiscard]] constexpr Pointer data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t elements() const noexcept { return elements_; }
  [[nodiscard]] constexpr Type type() const noexcept { return type_; }

 private:
  Pointer data_ = nullptr;
  std::size_t elements_ = 0;
  Type type_ = Type::f32;
};

/// A tensor that a call writes: parameters, updates, momentum.
using Tensor = BasicTensor<void*>;
/// A tensor that a call only reads: gradients.
using ConstTensor = BasicTensor<const void*>;

/// One tensor for each parameter, borrowed for the call: a braced list, or a container or array of anything
/// that a tensor is made of (std::vector<lars::Tensor>, std::vector<std::vector<float>>).
template <class Pointer>
class BasicTensors {
 public:
  using Tensor = BasicTensor<Pointer>;

  constexpr BasicTensors() noexcept = default;
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"  // a view of a call's argument ends with the call
#endif
  constexpr BasicTensors(std::initializer_list<Tensor> list) noexcept
      : first_(list.begin()), size_(list.size()), make_(make<const Tensor>) {}
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 9
#pragma GCC diagnostic pop
#endif
  template <
      class Container, class Element = std::remove_pointer_t<decltype(std::declval<Container&>().data())>,
      class = std::enable_if_t<!std::is_arithmetic_v<Element> && std::is_convertible_v<Element&, Tensor>>>
  constexpr BasicTensors(Container&& container) noexcept
      : first_(container.data()), size_(static_cast<std::size_t>(container.size())), make_(make<Element>) {}
  template <
      class Element, std::size_t Size,
      class = std::enable_if_t<!std::is_arithmetic_v<Element> && std::is_convertible_v<Element&, Tensor>>>
  constexpr BasicTensors(Element (&array)[Size]) noexcept
      : first_(array), size_(Size), make_(make<Element>) {}

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] Tensor operator[](std::size_t index) const noexcept { return make_(first_, index); }

 private:
  /// Of the element of that index; constant elements were refused where they must be written.
  template <class Element>
  static Tensor make(const void* first, std::size_t index) noexcept {
    return const_cast<Element*>(static_cast<const Element*>(first))[index];
  }

  const void* first_ = nullptr;
  std::size_t size_ = 0;
  Tensor (*make_)(const void*, std::size_t) = nullptr;
};

using Tensors = BasicTensors<void*>;
using ConstTensors = BasicTensors<const void*>;

/// A tensor's extents: none (a scalar), whole numbers of any types, or a container or array of them.
class Shape {
 public:
  Shape() = default;
  template <class... Integers,
            class = std::enable_if_t<(sizeof...(Integers) > 0) && (std::is_integral_v<Integers> && ...)>>
  Shape(Integers... extents) : extents_{static_cast<std::int64_t>(extents)...} {}
  Shape(const std::int64_t* extents, std::size_t ndim) : extents_(extents, extents + ndim) {}
  template <class Container,
            class Integer = std::remove_pointer_t<decltype(std::declval<const Container&>().data())>,
            class = std::enable_if_t<std::is_integral_v<Integer>>>
  Shape(const Container& container) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(container.size()); ++i)
      extents_.push_back(static_cast<std::int64_t>(container.data()[i]));
  }
  template <class Integer, std::size_t Size, class = std::enable_if_t<std::is_integral_v<Integer>>>
  Shape(const Integer (&array)[Size]) : extents_(array, array + Size) {}

  [[nodiscard]] const std::int64_t* data() const noexcept { return extents_.data(); }
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(extents_.size()); }

 private:
  std::vector<std::int64_t> extents_;
};

}  // namespace cpp
}  // namespace lars

#endif  // LARS_CPP_VIEWS_HPP
