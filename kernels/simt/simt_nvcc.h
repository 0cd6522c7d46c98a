// The nvcc side of simt.h: thin aliases for CUDA.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "kernels/simt/kernel_name.h"

#define SIMT_PARAM __grid_constant__ const
#define SIMT_SHARED(type, name) __shared__ type name
#define SIMT_SHARED_ARRAY(type, name, n) __shared__ type name[n]
#define SIMT_DYN_SHARED(name) extern __shared__ __align__(128) unsigned char name[]

namespace tern::simt {

constexpr int kSharedRedzone = 0;
template <class T>
__device__ __forceinline__ void shared_redzone(T*) {}

// What to do about a refused launch; empty where the text of CUDA says it all.
inline const char* launch_remedy(cudaError_t status) {
  switch (status) {
    case cudaErrorNoKernelImageForDevice: return "build for this GPU (CMAKE_CUDA_ARCHITECTURES)";
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver: return "use device=cpu, or a machine with an NVIDIA GPU and a driver for CUDA 13";
    default: return "";
  }
}

// Turns a refused launch into an error that says which one: CUDA's own text names neither kernel nor sizes.
inline void check_launch(cudaError_t status, const KernelName& name, dim3 grid, dim3 block, size_t shared_bytes) {
  if (status == cudaSuccess) return;
  const auto text = [](dim3 d) { return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z); };
  throw Error(status == cudaErrorMemoryAllocation ? ErrorKind::out_of_memory : ErrorKind::usage,
              std::string("CUDA launch failed: ") + cudaGetErrorString(status),
              "kernel " + text_of(name) + ", grid " + text(grid) + ", block " + text(block) + ", " +
                  std::to_string(shared_bytes) + " bytes of dynamic shared memory",
              launch_remedy(status));
}

// More than 48 KiB of dynamic shared memory has to be asked for by kernel.
template <class Kernel, class... Args>
void launch(const KernelName& name, Kernel* kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            Args... args) {
  cudaError_t status = cudaSuccess;
  if (shared_bytes > 48 * 1024)
    status = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shared_bytes));
  check_launch(status, name, grid, block, shared_bytes);
  kernel<<<grid, block, shared_bytes, stream>>>(args...);
  check_launch(cudaGetLastError(), name, grid, block, shared_bytes);
}

}  // namespace tern::simt

#define SIMT_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                                  \
  ::tern::simt::launch({#kernel, ::tern::simt::signature_of<(kernel)>()}, (kernel), (grid), (block), (shared_bytes), \
                       (stream), __VA_ARGS__)
