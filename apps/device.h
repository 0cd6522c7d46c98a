// Where a program computes.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace tern {

// auto, cpu or cuda. auto: a GPU where this build and this machine have one. local_rank: of this process, the index of
// its GPU where it sees several, which becomes the current one. Throws Error(usage) for cuda where there is none, or
// none of that index.
[[nodiscard]] at::Device choose_device(const std::string& name, int local_rank = 0);

// What the driver calls a GPU; empty for a CPU.
[[nodiscard]] std::string device_name(at::Device device);

// Makes ATen's kernels on a GPU give the same bits in every run, which some do by slower ways. Before its first call of
// cuBLAS. Nothing to do for a CPU.
void make_deterministic(at::Device device);

// nanochat's choice for activations: bfloat16 on GPUs whose tensor cores have it (from sm_80), else float32.
[[nodiscard]] std::string activation_dtype(at::Device device);

// Once, before the first tensor: the number of threads (0: one per core) and an allocator that keeps a training step's
// large blocks for the next step.
void prepare_cpu(int64_t threads);

}  // namespace tern
