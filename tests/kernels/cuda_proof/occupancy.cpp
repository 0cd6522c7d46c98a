#include "tests/kernels/cuda_proof/occupancy.h"

#include <map>
#include <stdexcept>

#if __has_include(<cuda_occupancy.h>)
#include <cuda_occupancy.h>

namespace tern::kernels::test {
namespace {

struct Multiprocessor {
  int major, minor, threads;
  size_t shared_bytes;
};

// CUDA C++ Programming Guide, technical specifications per compute capability. All have 65536 registers and reserve
// 1 KiB of shared memory per block.
const std::map<std::string, Multiprocessor> kMultiprocessors = {
    {"80", {8, 0, 2048, 164 << 10}},  {"86", {8, 6, 1536, 100 << 10}},    {"89", {8, 9, 1536, 100 << 10}},
    {"90a", {9, 0, 2048, 228 << 10}}, {"100a", {10, 0, 2048, 228 << 10}}, {"120", {12, 0, 1536, 100 << 10}}};

cudaOccDeviceProp properties(const Multiprocessor& sm) {
  cudaOccDeviceProp device{};
  device.computeMajor = sm.major;
  device.computeMinor = sm.minor;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = sm.threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48 << 10;
  device.sharedMemPerMultiprocessor = sm.shared_bytes;
  device.reservedSharedMemPerBlock = 1 << 10;
  device.sharedMemPerBlockOptin = sm.shared_bytes - device.reservedSharedMemPerBlock;
  device.numSms = 1;
  return device;
}

}  // namespace

int blocks_per_multiprocessor(const std::string& arch, int registers, int threads, size_t static_shared_bytes,
                              size_t dynamic_shared_bytes) {
  const cudaOccDeviceProp device = properties(kMultiprocessors.at(arch));
  cudaOccFuncAttributes function{};
  function.maxThreadsPerBlock = threads;
  function.numRegs = registers;
  function.sharedSizeBytes = static_shared_bytes;
  function.partitionedGCConfig = PARTITIONED_GC_OFF;
  function.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  function.maxDynamicSharedSizeBytes = dynamic_shared_bytes;
  function.numBlockBarriers = 1;
  cudaOccDeviceState state{};
  cudaOccResult result{};
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &function, &state, threads, dynamic_shared_bytes) !=
      CUDA_OCC_SUCCESS)
    throw std::runtime_error("cuda_occupancy.h refuses sm_" + arch);
  return result.activeBlocksPerMultiprocessor;
}

}  // namespace tern::kernels::test

#else

namespace tern::kernels::test {

int blocks_per_multiprocessor(const std::string&, int, int, size_t, size_t) {
  return -1;
}

}  // namespace tern::kernels::test

#endif
