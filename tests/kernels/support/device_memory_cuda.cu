#include <cuda_runtime.h>

#include <stdexcept>

#include "tests/kernels/support/device_memory.h"

namespace tern::kernels::test {
namespace {

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(status));
}

}  // namespace

void* device_allocate(size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return memory;
}
void device_free(void* memory) {
  check(cudaFree(memory), "cudaFree");
}
void copy_to_device(void* device, const void* host, size_t bytes) {
  check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
}
void copy_to_host(void* host, const void* device, size_t bytes) {
  check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

// The hardware protects pages only; the guard zones' pattern finds the rest.
void protect_range(const void*, size_t, const std::string&, bool) {}
void unprotect_range(const void*) {}
void poison_guard(const void*, size_t) {}
void unpoison_guard(const void*, size_t) {}

}  // namespace tern::kernels::test
