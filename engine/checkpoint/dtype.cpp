#include "engine/checkpoint/dtype.h"

#include <algorithm>

namespace tern {

namespace {

constexpr DtypeNames kDtypes[] = {
    {at::ScalarType::Double, "F64", "float64", "DoubleStorage"},
    {at::ScalarType::Float, "F32", "float32", "FloatStorage"},
    {at::ScalarType::Half, "F16", "float16", "HalfStorage"},
    {at::ScalarType::BFloat16, "BF16", "bfloat16", "BFloat16Storage"},
    {at::ScalarType::Long, "I64", "int64", "LongStorage"},
    {at::ScalarType::Int, "I32", "int32", "IntStorage"},
    {at::ScalarType::Short, "I16", "int16", "ShortStorage"},
    {at::ScalarType::Char, "I8", "int8", "CharStorage"},
    {at::ScalarType::Byte, "U8", "uint8", "ByteStorage"},
    {at::ScalarType::Bool, "BOOL", "bool", "BoolStorage"},
    {at::ScalarType::UInt16, "U16", "uint16", ""},
    {at::ScalarType::UInt32, "U32", "uint32", ""},
    {at::ScalarType::UInt64, "U64", "uint64", ""},
    {at::ScalarType::Float8_e4m3fn, "F8_E4M3", "float8_e4m3fn", ""},
    {at::ScalarType::Float8_e5m2, "F8_E5M2", "float8_e5m2", ""},
    {at::ScalarType::ComplexFloat, "", "complex64", "ComplexFloatStorage"},
    {at::ScalarType::ComplexDouble, "", "complex128", "ComplexDoubleStorage"},
};

}  // namespace

std::span<const DtypeNames> dtype_names() {
  return kDtypes;
}

const DtypeNames* find_dtype(at::ScalarType dtype) {
  const auto* found = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                   [dtype](const DtypeNames& names) { return names.dtype == dtype; });
  return found == std::end(kDtypes) ? nullptr : found;
}

}  // namespace tern
