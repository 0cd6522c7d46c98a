// Where a program computes.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace tern {

// auto, cpu or cuda. auto: a GPU where this build and this machine have one. Throws Error(usage) for cuda where there
// is none.
[[nodiscard]] at::Device choose_device(const std::string& name);

// Once, before the first tensor: the number of threads (0: one per core) and an allocator that keeps a training step's
// large blocks for the next step.
void prepare_cpu(int64_t threads);

}  // namespace tern
