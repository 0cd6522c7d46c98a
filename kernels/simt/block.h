// State of the one block that is being emulated: its threads as fibers, their warps, its shared memory. Blocks run one
// after another; internal to kernels/simt.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "kernels/simt/context.h"
#include "kernels/simt/device_ops.h"
#include "kernels/simt/runtime.h"

namespace tern::simt::internal {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kFullMask = 0xffffffffu;
constexpr size_t kArenaBytes = 256 << 10;  // more than any GPU's shared memory per block, red zones included

struct AsyncCopy {
  std::byte* shared;
  const void* global;
  size_t bytes, valid;
};

enum class Collective : uint8_t { syncwarp, shuffle, vote, ldmatrix, mma };

struct Block;
struct Warp;

struct Fiber : ThreadContext {
  Context context;
  Block* block = nullptr;
  Warp* warp = nullptr;
  uint32_t index = 0, lane = 0;  // within block, within warp
  bool done = false;
  const char* waits_in = nullptr;
  Site waits_at;
  char* stack = nullptr;
  void* asan_fake_stack = nullptr;
  uint32_t atomics_in_a_row = 0;                   // since it last slept
  std::vector<AsyncCopy> open_copies;              // issued, not yet committed
  std::deque<std::vector<AsyncCopy>> copy_groups;  // committed, not yet waited for
};

// Lanes of a warp that meet in one collective. The last one to arrive computes for all of them, through pointers into
// the stacks of the sleeping ones: one switch per lane and operation.
struct Gathering {
  unsigned mask = 0, arrived = 0;
  Collective kind = Collective::syncwarp;
  Site site;
  void* argument[kWarpSize];
  Fiber* fiber[kWarpSize];
};

struct Warp {
  unsigned exited = 0;  // lanes that returned or, in the last warp, never existed
  int gatherings = 0;
  Gathering gathering[kWarpSize];
  uint32_t clock[kWarpSize][kWarpSize];  // race detector: clock[i][j] = what lane i knows of lane j's progress
};

struct Block {
  Block();
  ~Block();

  uint3 index{};
  dim3 dim, grid;
  const std::function<void()>* body = nullptr;
  unsigned threads = 0, live = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Warp> warps;
  StackPool stacks;

  std::vector<Fiber*> ready;  // ring of `threads` places
  unsigned ready_head = 0, ready_count = 0;
  uint64_t random = 0;

  Context launcher;
  void* launcher_fake_stack = nullptr;
  const void* launcher_stack = nullptr;
  size_t launcher_stack_bytes = 0;

  unsigned barrier_arrived = 0;
  int barrier_value = 0, barrier_result = 0;
  Site barrier_site;
  uint32_t epoch = 1;   // block-wide barriers passed
  uint32_t serial = 0;  // unique per executed block

  struct StaticVariable {
    const void* key;
    void* memory;
  };
  std::byte* arena = nullptr;
  size_t arena_used = 0;
  std::vector<StaticVariable> statics;

  std::string error;                  // what ended the block early
  std::vector<std::string> findings;  // what didn't
  Stats stats;
};

// scheduler.cpp
Schedule schedule();
void make_ready(Block& block, Fiber* fiber);
void sleep_in(Block& block, const char* where, Site site);  // until made ready; reports a deadlock if nobody can run
[[noreturn]] void fail(Block& block, std::string message);  // ends the launch from within a fiber
void run_block(Block& block, const Launch& launch, uint64_t linear_index, uint32_t serial);
inline Fiber* current_fiber() {
  return static_cast<Fiber*>(self);
}

// barrier.cpp, warp_collectives.cpp: what an exiting thread releases
void leave_barrier(Block& block, const Fiber& exiting);
void leave_gatherings(Block& block, const Fiber& exiting);

// shared_memory.cpp
void reset_shared(Block& block, size_t dynamic_bytes);
// Offset of an address in the arena; kArenaBytes or more when it lies elsewhere.
inline size_t shared_offset(const Block& block, const void* address) {
  return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(block.arena);
}

// describe.cpp
std::string describe(Site site);
std::string describe(const Fiber& fiber);
const char* name_of(Collective kind);

}  // namespace tern::simt::internal
