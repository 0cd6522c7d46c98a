#pragma once

#include <cstddef>
#include <string>

namespace tern::kernels::test {

// Blocks that fit on one multiprocessor of "80", "86", "89", "90a", "100a" or "120", by NVIDIA's cuda_occupancy.h.
// -1 where this build had no such header.
int blocks_per_multiprocessor(const std::string& arch, int registers, int threads, size_t static_shared_bytes,
                              size_t dynamic_shared_bytes);

}  // namespace tern::kernels::test
