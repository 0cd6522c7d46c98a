// What a test sees of the emulator: launches, schedules, engines, counters and the registry of global buffers.
// One launch at a time, on the calling OS thread; nothing here is safe to call from two threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/simt/vector_types.h"

namespace tern::simt {

// A kernel did something that the device forbids or leaves undefined: deadlock, divergent collective, race, read of
// uninitialised shared memory, misaligned or out-of-bounds access, invalid launch configuration. The text names kernel,
// block, thread and source line.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// How threads are interleaved and in which order blocks run. A correct kernel gives the same result under every
// schedule, down to the last bit unless its contract says that sums have no fixed order.
struct Schedule {
  unsigned seed = 0;         // 0: first come, first served; otherwise seed of a random choice at every switch
  bool eager_async = false;  // cp.async copies at once (true) or at the wait that completes it (false)
};
void set_schedule(Schedule schedule);

// One launch as the driver would get it. params holds the arguments laid out by PTX's rule: each at its own alignment.
struct Launch {
  std::string name;    // of the kernel's instance, for messages
  const void* kernel;  // host address of the kernel; its symbol is the PTX entry's name
  dim3 grid, block;
  size_t shared_bytes;
  std::vector<std::byte> params;
  std::function<void()> body;  // runs the kernel for the current thread
};

// Runs a launch to its end or throws Failure. The default engine is run_on_fibers.
using Engine = std::function<void(const Launch&)>;
void set_engine(Engine engine);  // empty: back to fibers
void run_on_fibers(const Launch& launch);

// Checks the configuration against what every supported GPU accepts, then hands the launch to the engine.
void dispatch(const Launch& launch);

// Global memory that kernels may touch. The race build watches these ranges for conflicts between threads and blocks;
// the PTX interpreter allows no access outside of them. Memory that isn't registered is merely not watched on fibers.
struct GlobalBuffer {
  uintptr_t begin, end;
  std::string name;
  bool writable;
};
void register_global(const void* begin, size_t bytes, std::string name, bool writable);
void unregister_global(const void* begin);
[[nodiscard]] std::span<const GlobalBuffer> global_buffers();

// Counters since the last call.
struct Stats {
  uint64_t switches = 0, warp_ops = 0, mma = 0, ldmatrix = 0, async_copies = 0, barriers = 0, blocks = 0, threads = 0;
  uint64_t ldmatrix_conflicts = 0;  // rows of one 8x8 matrix that fall into the same banks
};
Stats take_stats();

// Under AddressSanitizer an access to a poisoned range ends the program with a report; elsewhere these do nothing.
void poison(const void* begin, size_t bytes);
void unpoison(const void* begin, size_t bytes);

// True in the build whose kernels report every access to the race detector.
[[nodiscard]] bool race_detection();
// True in the build with AddressSanitizer and UndefinedBehaviorSanitizer.
[[nodiscard]] bool address_sanitizer();

}  // namespace tern::simt
