// Kernels with one seeded defect each, and the text by which every build of the emulator must report it.
#pragma once

#include <functional>
#include <vector>

#include "kernels/simt/vector_types.h"
#include "tests/kernels/support/device_buffer.h"

namespace tern::kernels::test {

constexpr int kFaultThreads = 128;

struct FaultLaunch {
  dim3 grid = 1;
  dim3 block = kFaultThreads;
  size_t shared_bytes = 0;
  Use use = Use::output;  // of y
};

// Launches the kernel over a buffer y of kFaultThreads floats.
std::function<void()> fault_run(void (*kernel)(float*), FaultLaunch how = {});

// The same with 4 inputs per thread, all 1, and room in shared memory for a copy of them.
std::function<void()> fault_run(void (*kernel)(float*, float*), dim3 grid = 1);

struct Fault {
  const char* name;
  std::function<void()> run;
  // A part of the report; nullptr where this build has no means to see the defect.
  const char* plain;
  const char* race;
  const char* asan;
};

std::vector<Fault> sync_faults();       // barriers, warp collectives
std::vector<Fault> memory_faults();     // bounds, alignment, uninitialised reads, launch configuration
std::vector<Fault> async_faults();      // cp.async, ldmatrix, mma
std::vector<Fault> reduction_faults();  // atomics and block reductions, as backward passes use them
std::vector<Fault> tile_faults();  // tiles of tensor-core kernels: changed in place, handed between warps, used again

}  // namespace tern::kernels::test
