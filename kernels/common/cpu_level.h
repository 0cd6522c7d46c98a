// Which vector instructions the CPU kernels use, and the step from run-time values (processor, dtype) to the template
// that was compiled for them.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>

#include "base/error.h"

namespace tern::kernels {

enum class CpuLevel { baseline, avx2, avx512 };

// What ATen chose for this processor; the environment variable ATEN_CPU_CAPABILITY (default, avx2, avx512) lowers it.
[[nodiscard]] CpuLevel cpu_level();

// Calls body.operator()<level>() with the level as a constant.
template <class Body>
decltype(auto) with_cpu_level(Body&& body) {
#ifdef TERN_CPU_LEVELS_X86
  switch (cpu_level()) {
    case CpuLevel::avx512: return body.template operator()<CpuLevel::avx512>();
    case CpuLevel::avx2: return body.template operator()<CpuLevel::avx2>();
    case CpuLevel::baseline: break;
  }
#endif
  return body.template operator()<CpuLevel::baseline>();
}

// Calls body.operator()<level, T>() with the element type too: float, c10::BFloat16 or double.
template <class Body>
decltype(auto) with_cpu_level_and_type(c10::ScalarType dtype, Body&& body) {
  return with_cpu_level([&]<CpuLevel level>() {
    switch (dtype) {
      case c10::ScalarType::BFloat16: return body.template operator()<level, c10::BFloat16>();
      case c10::ScalarType::Double: return body.template operator()<level, double>();
      default: break;
    }
    TERN_CHECK(dtype == c10::ScalarType::Float, "the op's argument checks let another dtype through");
    return body.template operator()<level, float>();
  });
}

}  // namespace tern::kernels
