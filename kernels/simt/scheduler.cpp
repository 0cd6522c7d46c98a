// Runs the threads of one block as fibers on the calling OS thread. A fiber runs until it has to wait, then switches
// straight to the next one that can run.
#include <cstdlib>
#include <cstring>

#include "kernels/simt/block.h"
#include "kernels/simt/race_detector.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace tern::simt {

ThreadContext* self = nullptr;

namespace internal {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStackBytes = 256 << 10;  // red zones around every local variable
#else
constexpr size_t kStackBytes = 64 << 10;
#endif

Schedule current_schedule;

Fiber* take_ready(Block& block) {
  if (block.ready_count == 0) return nullptr;
  const unsigned places = block.threads;
  if (current_schedule.seed != 0) {
    block.random = block.random * 6364136223846793005ull + 1442695040888963407ull;
    const unsigned pick = block.ready_head + static_cast<unsigned>((block.random >> 33) % block.ready_count);
    std::swap(block.ready[block.ready_head], block.ready[pick >= places ? pick - places : pick]);
  }
  Fiber* next = block.ready[block.ready_head];
  if (++block.ready_head == places) block.ready_head = 0;
  --block.ready_count;
  return next;
}

// to == nullptr: back to the launcher. A leaving fiber never runs again; AddressSanitizer wants to know.
void switch_to(Block& block, Fiber* to, [[maybe_unused]] bool leaving) {
  Fiber* from = current_fiber();
  ++block.stats.switches;
  self = to;
#if defined(__SANITIZE_ADDRESS__)
  void** save = leaving ? nullptr : from ? &from->asan_fake_stack : &block.launcher_fake_stack;
  if (to)
    __sanitizer_start_switch_fiber(save, to->stack, block.stacks.stack_bytes());
  else
    __sanitizer_start_switch_fiber(save, block.launcher_stack, block.launcher_stack_bytes);
#endif
  switch_context(from ? from->context : block.launcher, to ? to->context : block.launcher);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from ? from->asan_fake_stack : block.launcher_fake_stack, nullptr, nullptr);
#endif
}

[[noreturn]] void report_deadlock(Block& block) {
  constexpr int kGroupsShown = 6;
  std::string message = "deadlock: no thread can run;";
  const auto alike = [](const Fiber& a, const Fiber& b) {
    return a.done == b.done && (a.done || (a.waits_in == b.waits_in && a.waits_at.line == b.waits_at.line));
  };
  int shown = 0;
  for (unsigned first = 0; first < block.threads && shown < kGroupsShown; ++shown) {
    const Fiber& fiber = *block.fibers[first];
    unsigned last = first;
    while (last + 1 < block.threads && alike(fiber, *block.fibers[last + 1])) ++last;
    message += " threads " + std::to_string(first) + ".." + std::to_string(last);
    message +=
        fiber.done ? " exited;" : std::string(" wait in ") + fiber.waits_in + " at " + describe(fiber.waits_at) + ";";
    first = last + 1;
  }
  fail(block, message);
}

[[noreturn]] void exit_fiber() {
  Fiber& fiber = *current_fiber();
  Block& block = *fiber.block;
  if (!fiber.open_copies.empty() || !fiber.copy_groups.empty())
    block.findings.push_back(describe(fiber) + " exits with pending cp.async copies");
  fiber.done = true;
  fiber.warp->exited |= 1u << fiber.lane;
  --block.live;
  leave_gatherings(block, fiber);
  leave_barrier(block, fiber);
  Fiber* next = take_ready(block);
  if (!next && block.live > 0) report_deadlock(block);
  switch_to(block, next, true);
  std::abort();
}

__attribute__((no_sanitize("address"))) void fiber_entry() {
#if defined(__SANITIZE_ADDRESS__)
  Block& block = *current_fiber()->block;
  const void* bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  if (!block.launcher_stack) {  // the very first fiber is entered from the launcher
    block.launcher_stack = bottom;
    block.launcher_stack_bytes = bytes;
  }
#endif
  (*current_fiber()->block->body)();
  exit_fiber();
}

void prepare_threads(Block& block) {
  block.stacks.grow(block.threads);
  while (block.fibers.size() < block.threads) block.fibers.push_back(std::make_unique<Fiber>());
  block.warps.resize((block.threads + kWarpSize - 1) / kWarpSize);
  for (unsigned w = 0; w < block.warps.size(); ++w) {
    const unsigned lanes = std::min(kWarpSize, block.threads - w * kWarpSize);
    block.warps[w].gatherings = 0;
    block.warps[w].exited = lanes == kWarpSize ? 0 : ~((1u << lanes) - 1);
  }
  block.ready.resize(block.threads);
  block.ready_head = block.ready_count = 0;
  // Fibers that a failure abandoned never unpoisoned their frames.
  for (unsigned i = 0; i < block.threads; ++i) unpoison(block.stacks.stack(i), block.stacks.stack_bytes());
  for (unsigned i = 0; i < block.threads; ++i) {
    Fiber& fiber = *block.fibers[i];
    fiber.thread_index = {i % block.dim.x, i / block.dim.x % block.dim.y, i / block.dim.x / block.dim.y};
    fiber.block_index = &block.index;
    fiber.block_dim = &block.dim;
    fiber.grid_dim = &block.grid;
    fiber.block = &block;
    fiber.index = i;
    fiber.lane = i % kWarpSize;
    fiber.warp = &block.warps[i / kWarpSize];
    fiber.done = false;
    fiber.atomics_in_a_row = 0;
    fiber.open_copies.clear();
    fiber.copy_groups.clear();
    fiber.stack = block.stacks.stack(i);
    make_context(fiber.context, fiber.stack, block.stacks.stack_bytes(), fiber_entry);
    make_ready(block, &fiber);
  }
}

}  // namespace

Block::Block() : stacks(kStackBytes) {}

Schedule schedule() {
  return current_schedule;
}

void make_ready(Block& block, Fiber* fiber) {
  const unsigned place = block.ready_head + block.ready_count++;
  block.ready[place >= block.threads ? place - block.threads : place] = fiber;
}

void sleep_in(Block& block, const char* where, Site site) {
  Fiber& fiber = *current_fiber();
  fiber.waits_in = where;
  fiber.waits_at = site;
  fiber.atomics_in_a_row = 0;
  Fiber* next = take_ready(block);
  if (!next) report_deadlock(block);
  switch_to(block, next, false);
}

void fail(Block& block, std::string message) {
  block.error = std::move(message);
  switch_to(block, nullptr, true);
  std::abort();
}

void run_block(Block& block, const Launch& launch, uint64_t linear_index, uint32_t serial) {
  const dim3 grid = launch.grid, dim = launch.block;
  block.index = {static_cast<unsigned>(linear_index % grid.x), static_cast<unsigned>(linear_index / grid.x % grid.y),
                 static_cast<unsigned>(linear_index / grid.x / grid.y)};
  block.dim = dim;
  block.grid = grid;
  block.body = &launch.body;
  block.threads = block.live = dim.x * dim.y * dim.z;
  block.random = uint64_t{current_schedule.seed} * 0x9e3779b97f4a7c15ull + linear_index;
  block.barrier_arrived = 0;
  block.barrier_site = {};
  block.epoch = 1;
  block.serial = serial;
  block.error.clear();
  prepare_threads(block);
  reset_shared(block, launch.shared_bytes);
  race_block_begins(block);
  ++block.stats.blocks;
  block.stats.threads += block.threads;
  switch_to(block, take_ready(block), false);
  self = nullptr;
}

}  // namespace internal

void set_schedule(Schedule schedule) {
  internal::current_schedule = schedule;
}

}  // namespace tern::simt
