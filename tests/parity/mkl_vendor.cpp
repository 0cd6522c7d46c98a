#include "tests/parity/mkl_vendor.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace {

enum Kernels { kAsOnAmd, kAsOnAmdWithExactRoots, kOwn };

constexpr const char* kVariable = "TERN_PARITY_KERNELS";
constexpr int kAvx512 = 7;  // MKL's number of that level, for vector functions

bool is_intel() {
  return __builtin_cpu_is("intel") != 0;
}

Kernels kernels() {
  const char* set = std::getenv(kVariable);
  if (!is_intel() || set == nullptr) return kAsOnAmd;
  return set[0] == '1' ? kAsOnAmdWithExactRoots : kOwn;
}

}  // namespace

// MKL's own functions. It is part of libtorch_cpu, which calls these by name and so finds the program's first.
extern "C" {
int mkl_serv_intel_cpu() {
  return kernels() == kOwn ? 1 : 0;
}
int mkl_serv_intel_cpu_true() {
  return mkl_serv_intel_cpu();
}
int mkl_serv_cpuiszen() {
  return 1 - mkl_serv_intel_cpu();
}
int mkl_serv_vml_cpu_detect() {
  if (kernels() == kAsOnAmdWithExactRoots && __builtin_cpu_supports("avx512f") != 0) return kAvx512;
  using Detect = int (*)();
  static const auto libtorchs = reinterpret_cast<Detect>(::dlsym(RTLD_NEXT, "mkl_serv_vml_cpu_detect"));
  return libtorchs == nullptr ? 0 : libtorchs();
}
}

namespace tern {

std::string mkl_kernels() {
  switch (kernels()) {
    case kAsOnAmd: return "as on AMD";
    case kAsOnAmdWithExactRoots: return "as on AMD, exact roots";
    default: return "of this processor";
  }
}

void retry_with_other_kernels(char** argv) {
  if (!is_intel() || kernels() == kOwn) return;
  ::setenv(kVariable, kernels() == kAsOnAmd ? "1" : "2", 1);
  ::execv("/proc/self/exe", argv);  // where this fails, the verdict stands
}

}  // namespace tern
