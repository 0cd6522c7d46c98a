// Data-sheet numbers of the GPUs that the roofline is drawn for.
#pragma once

#include <span>
#include <string>

namespace tern::roofline {

struct Gpu {
  std::string name;
  std::string arch;  // of the cubin: "80", "90a", ...
  int multiprocessors;
  double clock_ghz;            // the boost clock that the data sheet's tensor rate implies
  double memory_gbs;           // GB/s
  double tensor_tflops;        // dense bfloat16 products, float32 sums
  double mma_sync_share;       // of that rate which mma.sync, the instruction that these kernels use, can reach
  double fp32_lanes_per_smsp;  // per quarter of a multiprocessor
};

std::span<const Gpu> gpus();

// Where the numbers come from and which of them are assumptions, line by line, for the output.
[[nodiscard]] std::string gpu_sources();

}  // namespace tern::roofline
