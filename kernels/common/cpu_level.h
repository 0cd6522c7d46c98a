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

// That of ATen's own sums, which it has for AVX2 at most: for ops that add in the same order.
[[nodiscard]] CpuLevel aten_sum_level();

// Calls body.operator()<level>() with the level as a constant.
template <class Body>
decltype(auto) with_cpu_level(Body&& body, [[maybe_unused]] CpuLevel chosen = cpu_level()) {
#ifdef TERN_CPU_LEVELS_X86
  switch (chosen) {
    case CpuLevel::avx512: return body.template operator()<CpuLevel::avx512>();
    case CpuLevel::avx2: return body.template operator()<CpuLevel::avx2>();
    case CpuLevel::baseline: break;
  }
#endif
  return body.template operator()<CpuLevel::baseline>();
}

// Calls body.operator()<level, T>() with the element type too: float, c10::BFloat16 or double.
template <class Body>
decltype(auto) with_cpu_level_and_type(c10::ScalarType dtype, Body&& body, CpuLevel chosen = cpu_level()) {
  const auto with_type = [&]<CpuLevel level>() {
    switch (dtype) {
      case c10::ScalarType::BFloat16: return body.template operator()<level, c10::BFloat16>();
      case c10::ScalarType::Double: return body.template operator()<level, double>();
      default: break;
    }
    TERN_CHECK(dtype == c10::ScalarType::Float, "the op's argument checks let another dtype through");
    return body.template operator()<level, float>();
  };
  return with_cpu_level(with_type, chosen);
}

}  // namespace tern::kernels
