#include "kernels/common/cpu_level.h"

#include <ATen/Version.h>

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

}  // namespace tern::kernels
