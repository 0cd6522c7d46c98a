// Part of CUDA builds only; others have no_nccl.cpp.
#define USE_C10D_NCCL
#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "engine/distributed/collective_backend.h"

namespace tern {

// The layout of LibTorch's classes follows from the configuration that this header declares, which must be the one that
// libtorch_cuda was compiled with.
static_assert(NCCL_VERSION_CODE / 100 == 228, "LibTorch 2.11's classes need the headers of NCCL 2.28");

// wait() has to throw what went wrong: by default it returns at once, and a watchdog aborts the process later.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            const ProcessEnvironment& environment) {
  ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(static_cast<int64_t>(environment.collective_timeout * 1000));
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store),
                                                     environment.rank, environment.world_size, options);
}

}  // namespace tern
