// NumPy's .npy format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), C-ordered and
// little-endian only: opened without a copy, written byte for byte as numpy.save of numpy 2.x does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tern {

// Element type: kind 'b' bool, 'i' signed, 'u' unsigned, 'f' floating; size in bytes (b: 1; i, u: 1, 2, 4, 8; f: 2, 4,
// 8). numpy writes bfloat16 as opaque bytes ("|V2"), so it can't be told apart and isn't accepted.
struct NpyType {
  char kind = 'u';
  int size = 1;

  friend bool operator==(const NpyType&, const NpyType&) = default;
  [[nodiscard]] std::string descr() const;  // "<f4", "|u1"
};

template <class T>
[[nodiscard]] constexpr NpyType npy_type_of() {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>, "read bool arrays through to_int64");
  return {std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u', sizeof(T)};
}

// An array whose data stays alive as long as any copy of the struct. Immutable; safe to read from several threads.
struct NpyArray {
  NpyType type;
  std::vector<int64_t> shape;       // empty for a scalar
  std::span<const std::byte> data;  // count() * type.size bytes, aligned to type.size
  std::shared_ptr<const void> owner;
  std::string name;  // file, or "file.npz:member", for error messages

  [[nodiscard]] int64_t count() const;

  // The elements as T. Throws Error(data) naming the array unless its type is T's.
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    require_type(npy_type_of<T>());
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }

  // Elements of any integer or bool type as int64. Throws Error(data) for floating types and for uint64 values that
  // don't fit.
  [[nodiscard]] std::vector<int64_t> to_int64() const;

  // Elements of any type as double; integers beyond 2^53 are rounded.
  [[nodiscard]] std::vector<double> to_double() const;

  void require_type(NpyType wanted) const;
};

// Opens and maps a file. Throws Error(data) naming it when it isn't readable, isn't npy, is truncated or longer than
// its header says, has Fortran order, big-endian or unsupported elements, or a shape that overflows.
[[nodiscard]] NpyArray open_npy(const std::filesystem::path& path);

// The same for bytes already in memory, which owner keeps alive; copies them only when they aren't aligned.
[[nodiscard]] NpyArray parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                 const std::string& name);

// Header that numpy.save writes for such an array; its size is a multiple of 64. The data follows it.
[[nodiscard]] std::string npy_header(NpyType type, std::span<const int64_t> shape);

// Writes header and data atomically. Throws Error(data) as write_file_atomically does.
void save_npy(const std::filesystem::path& path, NpyType type, std::span<const int64_t> shape,
              std::span<const std::byte> data);

}  // namespace tern
