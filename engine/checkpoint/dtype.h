// The names each file format gives to torch's dtypes.
#pragma once

#include <c10/core/ScalarType.h>

#include <span>
#include <string_view>

namespace tern {

struct DtypeNames {
  at::ScalarType dtype;
  std::string_view safetensors;    // "F32"; empty where that format has no such dtype
  std::string_view torch;          // "float32", torch.<this>
  std::string_view torch_storage;  // "FloatStorage"; empty: Python stores it as untyped bytes
};

// Every dtype that can be stored.
[[nodiscard]] std::span<const DtypeNames> dtype_names();

// nullptr for a dtype that can't be stored.
[[nodiscard]] const DtypeNames* find_dtype(at::ScalarType dtype);

}  // namespace tern
