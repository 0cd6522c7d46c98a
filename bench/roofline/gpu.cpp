#include "bench/roofline/gpu.h"

#include <array>

namespace tern::roofline {

// Sources: NVIDIA's data sheets and architecture whitepapers (A100, H100 SXM, B200, Ada, Blackwell RTX). mma.sync on
// Hopper: 62.9% of the peak, the mean over shapes that Luo et al. 2024 (arXiv 2402.13499) measured; only wgmma reaches
// the rest. For B200 no such measurement is known to us: assumed is Hopper's rate per multiprocessor and clock, which
// is half of that share, as the data sheet's rate is twice as high.
std::span<const Gpu> gpus() {
  static const std::array<Gpu, 5> all = {
      Gpu{"A100 SXM", "80", 108, 1.41, 2039, 312, 1, 16}, Gpu{"H100 SXM", "90a", 132, 1.83, 3352, 989.4, 0.629, 32},
      Gpu{"B200", "100a", 148, 1.85, 8000, 2250, 0.3145, 32}, Gpu{"RTX 4090", "89", 128, 2.52, 1008, 165.2, 1, 32},
      Gpu{"RTX 5090", "120", 170, 2.41, 1792, 209.5, 1, 32}};
  return all;
}

}  // namespace tern::roofline
