#include "apps/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "base/error.h"
#include "engine/memory/caching_cpu_allocator.h"

namespace tern {

at::Device choose_device(const std::string& name) {
  const bool has_cuda = name != "cpu" && at::globalContext().hasCUDA();
  if (name == "cuda" && !has_cuda) {
    throw Error(ErrorKind::usage, "no CUDA device", "device=cuda",
                "use device=cpu, or the build of the cuda preset on a machine with an NVIDIA GPU");
  }
  return has_cuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

void prepare_cpu(int64_t threads) {
  if (threads > 0) at::set_num_threads(static_cast<int>(threads));
  install_caching_cpu_allocator();
}

}  // namespace tern
