// LibTorch's implementations of collectives, for process_group.cpp.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "engine/distributed/environment.h"

namespace tern {

// For tensors on the CPU. Connects every rank with every other one.
[[nodiscard]] c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                                          const ProcessEnvironment& environment);

// For tensors on GPUs; connects at the first call. Throws Error(distributed) in builds without CUDA.
[[nodiscard]] c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                                          const ProcessEnvironment& environment);

}  // namespace tern
