#include "kernels/common/cpu_level.h"

#include <ATen/Version.h>

#include <algorithm>
#include <string>

namespace tern::kernels {

CpuLevel cpu_level() {
  static const CpuLevel level = [] {
    const std::string capability = at::get_cpu_capability();
    if (capability.starts_with("AVX512")) return CpuLevel::avx512;
    if (capability == "AVX2") return CpuLevel::avx2;
    return CpuLevel::baseline;
  }();
  return level;
}

CpuLevel aten_sum_level() {
  return std::min(cpu_level(), CpuLevel::avx2);
}

}  // namespace tern::kernels
