#include "apps/device.h"

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "base/error.h"
#include "engine/memory/caching_cpu_allocator.h"
#include "kernels/common/cuda_device.h"
#include "kernels/common/cuda_kernels.h"

namespace tern {

at::Device choose_device(const std::string& name, int local_rank) {
  const bool has_cuda = name != "cpu" && at::globalContext().hasCUDA();
  if (name == "cuda" && !has_cuda) {
    throw Error(ErrorKind::usage, "no CUDA device", "device=cuda",
                "use device=cpu, or the build of the cuda preset on a machine with an NVIDIA GPU");
  }
  if (!has_cuda) return at::kCPU;
  const c10::impl::VirtualGuardImpl gpus(at::kCUDA);
  const int count = gpus.deviceCount();
  const int index = count == 1 ? 0 : local_rank;  // launchers may show each process its own GPU alone
  if (index >= count) {
    throw Error(ErrorKind::usage, "no GPU " + std::to_string(local_rank), "LOCAL_RANK=" + std::to_string(local_rank),
                "start at most " + std::to_string(count) + " processes on this machine");
  }
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  gpus.setDevice(device);
  return device;
}

std::string device_name(at::Device device) {
  const kernels::CudaDeviceQuery* query = kernels::registered_cuda_kernels<kernels::CudaDeviceQuery>;
  return device.is_cuda() && query != nullptr ? query->name(device.index()) : "";
}

void make_deterministic(at::Device device) {
  if (!device.is_cuda()) return;
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // cuBLAS's condition
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
}

std::string activation_dtype(at::Device device) {
  const kernels::CudaDeviceQuery* query = kernels::registered_cuda_kernels<kernels::CudaDeviceQuery>;
  const bool has_bfloat16 = device.is_cuda() && query != nullptr && query->current().compute_capability >= 80;
  return has_bfloat16 ? "bfloat16" : "float32";
}

void prepare_cpu(int64_t threads) {
  if (threads > 0) at::set_num_threads(static_cast<int>(threads));
  install_caching_cpu_allocator();
}

}  // namespace tern
