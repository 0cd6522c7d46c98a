#include "bench/roofline/gpu.h"

#include <array>

namespace tern::roofline {

// Beside each number the title of its source; "assumed" where there is none. gpu_sources() says the same to readers of
// the output.
std::span<const Gpu> gpus() {
  static const std::array<Gpu, 5> all = {
      // "NVIDIA A100 Tensor Core GPU Architecture" (whitepaper): 108 multiprocessors, 1410 MHz, 312 TFLOP/s, 64 lanes
      // per
      // multiprocessor. "NVIDIA A100 Tensor Core GPU" (data sheet), 80 GB SXM: 2039 GB/s. mma.sync is the only
      // instruction for its tensor cores.
      Gpu{.name = "A100 SXM",
          .arch = "80",
          .multiprocessors = 108,
          .clock_ghz = 1.41,
          .memory_gbs = 2039,
          .tensor_tflops = 312,
          .mma_sync_share = 1,
          .fp32_lanes_per_smsp = 16},
      // "NVIDIA H100 Tensor Core GPU Architecture" (whitepaper), SXM5: 132 multiprocessors, 989.4 TFLOP/s, 3352 GB/s,
      // 128
      // lanes; the rate implies 1.83 GHz. mma.sync: 62.9 % of the peak, the mean over shapes of "Benchmarking and
      // Dissecting the Nvidia Hopper GPU Architecture via Microbenchmarking" (arXiv 2402.13499); only wgmma does more.
      Gpu{.name = "H100 SXM",
          .arch = "90a",
          .multiprocessors = 132,
          .clock_ghz = 1.83,
          .memory_gbs = 3352,
          .tensor_tflops = 989.4,
          .mma_sync_share = 0.629,
          .fp32_lanes_per_smsp = 32},
      // "NVIDIA Blackwell Architecture Technical Brief", HGX B200: 2250 TFLOP/s dense, 8 TB/s. 148 multiprocessors and
      // a
      // tensor clock of 1.86 GHz: "NVIDIA B200 vs NVIDIA B100 Full Specs" (HMC Tech), as NVIDIA has published neither;
      // the rate implies 1.85 GHz. mma.sync: assumed is Hopper's rate per multiprocessor and clock, which is half of
      // its share there, as tcgen05 does twice wgmma's.
      Gpu{.name = "B200",
          .arch = "100a",
          .multiprocessors = 148,
          .clock_ghz = 1.85,
          .memory_gbs = 8000,
          .tensor_tflops = 2250,
          .mma_sync_share = 0.3145,
          .fp32_lanes_per_smsp = 32},
      // "NVIDIA Ada GPU Architecture" (whitepaper): 128 multiprocessors, 2520 MHz, 1008 GB/s, 165.2 TFLOP/s with
      // float32
      // sums. mma.sync is the only instruction for its tensor cores.
      Gpu{.name = "RTX 4090",
          .arch = "89",
          .multiprocessors = 128,
          .clock_ghz = 2.52,
          .memory_gbs = 1008,
          .tensor_tflops = 165.2,
          .mma_sync_share = 1,
          .fp32_lanes_per_smsp = 32},
      // "NVIDIA RTX Blackwell GPU Architecture" (whitepaper): 170 multiprocessors, 2407 MHz, 1792 GB/s, 209.5 TFLOP/s
      // with
      // float32 sums. bfloat16 has no other instruction than mma.sync on sm_120.
      Gpu{.name = "RTX 5090",
          .arch = "120",
          .multiprocessors = 170,
          .clock_ghz = 2.41,
          .memory_gbs = 1792,
          .tensor_tflops = 209.5,
          .mma_sync_share = 1,
          .fp32_lanes_per_smsp = 32}};
  return all;
}

std::string gpu_sources() {
  return "Sources: NVIDIA A100 Tensor Core GPU Architecture; NVIDIA A100 Tensor Core GPU (data sheet, 80 GB); NVIDIA "
         "H100 "
         "Tensor Core GPU Architecture;\n"
         "NVIDIA Blackwell Architecture Technical Brief; NVIDIA Ada GPU Architecture; NVIDIA RTX Blackwell GPU "
         "Architecture.\n"
         "B200's 148 multiprocessors: NVIDIA B200 vs NVIDIA B100 Full Specs (HMC Tech).\n"
         "Assumed or measured by others: mma.sync reaches 62.9 % of H100's rate (arXiv 2402.13499), the same per "
         "multiprocessor and clock on B200\n"
         "(31.45 % of its rate; assumed), all of it elsewhere. 4 special functions per cycle and quarter of a "
         "multiprocessor.\n"
         "Matrix products of a library: the whole data-sheet rate.\n";
}

}  // namespace tern::roofline
