// What a GPU's tensor cores are sold as: the denominator of MFU (model FLOPs utilisation, Chowdhery et al. 2022, arXiv
// 2204.02311).
#pragma once

#include <string>

namespace tern {

// Dense bfloat16 operations per second of one GPU, by its name as the driver gives it; nanochat's table. 0 for one that
// isn't in it: no MFU is better than a wrong one.
[[nodiscard]] double peak_flops(const std::string& device_name);

}  // namespace tern
