// Kernels with one seeded defect each, and the text by which every build of the emulator must report it.
#pragma once

#include <functional>
#include <vector>

namespace tern::kernels::test {

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
