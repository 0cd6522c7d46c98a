#include "tests/parity/mkl_vendor.h"

#include <unistd.h>

#include <cstdlib>

namespace {

constexpr const char* kOwnKernels = "TERN_PARITY_OWN_KERNELS";

bool is_intel() {
  return __builtin_cpu_is("intel") != 0;
}

bool answers_as_intel() {
  return is_intel() && std::getenv(kOwnKernels) != nullptr;
}

}  // namespace

// MKL's own functions. It is part of libtorch_cpu, which calls these by name and so finds the program's first.
extern "C" {
int mkl_serv_intel_cpu() {
  return answers_as_intel() ? 1 : 0;
}
int mkl_serv_intel_cpu_true() {
  return answers_as_intel() ? 1 : 0;
}
int mkl_serv_cpuiszen() {
  return answers_as_intel() ? 0 : 1;
}
}

namespace tern {

std::string mkl_kernels() {
  return answers_as_intel() ? "of this processor" : "as on AMD";
}

void retry_with_own_kernels(char** argv) {
  if (!is_intel() || answers_as_intel()) return;
  ::setenv(kOwnKernels, "1", 1);
  ::execv("/proc/self/exe", argv);  // where this fails, the verdict stands
}

}  // namespace tern
