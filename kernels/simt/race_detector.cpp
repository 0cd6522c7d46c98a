#include "kernels/simt/race_detector.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace tern::simt {
namespace internal {
namespace {

constexpr int kCellShift = 1;  // one cell per 2 bytes: neighbouring bf16 values may belong to different threads
constexpr size_t kReportedPairs = 16;

struct Stamp {
  uint32_t serial = 0;  // of the block
  uint32_t epoch = 0;   // block-wide barriers passed by then
  uint32_t clock = 0;   // of the lane, within its warp
  uint16_t thread = 0;
  bool atomic = false;
  const void* pc = nullptr;  // null: no such access yet
};

struct Cell {
  Stamp write, read[2];
  uint32_t copy_serial = 0;  // block with a cp.async under way to here
  uint16_t copy_thread = 0;
};

struct Region {
  uintptr_t begin, end;
  std::vector<Cell> cells;
};

std::vector<Cell> shared_cells;
std::vector<Region> regions;
uint32_t launch_first_serial = 1;
std::vector<std::pair<const void*, const void*>> reported;  // one report per pair of source lines and launch

// Innermost inlined frame and its caller, for example "tile_ops.h:93 < attention.cuh:41".
std::string source_line(const void* pc) {
  Dl_info info;
  if (!pc || !dladdr(pc, &info)) return "?";
  const size_t offset = static_cast<const char*>(pc) - 1 - static_cast<const char*>(info.dli_fbase);
  char command[4200];
  std::snprintf(command, sizeof command, "addr2line -s -i -e '%s' 0x%zx", info.dli_fname, offset);
  FILE* pipe = popen(command, "r");
  if (!pipe) return "?";
  std::string lines[2];
  char buffer[512];
  for (std::string& line : lines)
    if (std::fgets(buffer, sizeof buffer, pipe)) line.assign(buffer, std::strcspn(buffer, " \n"));
  pclose(pipe);
  return lines[1].empty() ? lines[0] : lines[0] + " < " + lines[1];
}

struct Place {
  Cell* cell;
  const void* address;
  bool shared;
};

void report(Block& block, const Fiber& fiber, const char* what, const Place& place, const Stamp& earlier,
            const void* pc) {
  const std::pair pair{earlier.pc, pc};
  if (std::find(reported.begin(), reported.end(), pair) != reported.end()) return;
  reported.push_back(pair);
  if (reported.size() > kReportedPairs) return;
  const size_t offset = shared_offset(block, place.address);
  std::string message = std::string(what) + " at " +
                        (place.shared ? "shared+" + std::to_string(offset) : std::string("global memory")) + ": " +
                        describe(fiber) + " at " + source_line(pc);
  if (earlier.pc)
    message += "; earlier access by thread " + std::to_string(earlier.thread) +
               (earlier.serial == block.serial ? "" : " of another block") + " at " + source_line(earlier.pc);
  block.findings.push_back(message);
}

bool ordered_before(const Block& block, const Fiber& fiber, const Stamp& stamp, bool shared) {
  if (stamp.serial != block.serial) return shared || stamp.serial < launch_first_serial;
  if (stamp.thread == fiber.index || stamp.epoch != block.epoch) return true;
  return stamp.thread / kWarpSize == fiber.index / kWarpSize &&
         fiber.warp->clock[fiber.lane][stamp.thread % kWarpSize] >= stamp.clock;
}

Stamp stamp_of(const Block& block, const Fiber& fiber, bool atomic, const void* pc) {
  return {block.serial, block.epoch, fiber.warp->clock[fiber.lane][fiber.lane], static_cast<uint16_t>(fiber.index),
          atomic,       pc};
}

// Two readers per cell are enough to find a later unordered write by a third thread: they are kept in different warps
// where there are such.
void remember_reader(const Block& block, const Fiber& fiber, const Place& place, const Stamp& stamp) {
  auto& [first, second] = place.cell->read;
  const auto replaceable = [&](const Stamp& old) {
    return !old.pc || ordered_before(block, fiber, old, place.shared) || old.thread == fiber.index;
  };
  if (replaceable(first))
    first = stamp;
  else if (replaceable(second) || first.thread / kWarpSize == second.thread / kWarpSize)
    second = stamp;
}

void touch(Block& block, Fiber& fiber, const Place& place, Access access, const void* pc) {
  Cell& cell = *place.cell;
  const bool writes = access != Access::read, atomic = access == Access::atomic;
  if (place.shared) {
    if (cell.copy_serial == block.serial && !(writes && cell.copy_thread == fiber.index))
      report(block, fiber, "access to a cp.async destination in flight", place, cell.write, pc);
    if (access != Access::write && cell.write.serial != block.serial)
      report(block, fiber, "read of uninitialised shared memory", place, Stamp{}, pc);
  }
  const auto conflicts = [&](const Stamp& earlier) {
    return earlier.pc && !(atomic && earlier.atomic) && !ordered_before(block, fiber, earlier, place.shared);
  };
  if (conflicts(cell.write))
    report(block, fiber, writes ? "write-write race" : "write-read race", place, cell.write, pc);
  const Stamp stamp = stamp_of(block, fiber, atomic, pc);
  if (!writes) return remember_reader(block, fiber, place, stamp);
  for (const Stamp& reader : cell.read)
    if (conflicts(reader)) report(block, fiber, "read-write race", place, reader, pc);
  cell.write = stamp;
}

void reset_clocks(Warp& warp) {
  std::memset(warp.clock, 0, sizeof warp.clock);
  for (unsigned lane = 0; lane < kWarpSize; ++lane) warp.clock[lane][lane] = 1;
}

template <class F>
void each_shared_cell(size_t offset, size_t bytes, F f) {
  for (size_t i = offset >> kCellShift; i <= (offset + bytes - 1) >> kCellShift; ++i) f(i, shared_cells[i]);
}

}  // namespace

void race_access_shared(Block& block, Fiber& fiber, size_t offset, size_t bytes, Access access, const void* pc) {
  if (!race_detection()) return;
  each_shared_cell(offset, bytes, [&](size_t i, Cell& cell) {
    touch(block, fiber, {&cell, block.arena + (i << kCellShift), true}, access, pc);
  });
}

void race_access(const void* address, size_t bytes, Access access, const void* pc) {
  Fiber* fiber = current_fiber();
  if (!fiber || !race_detection()) return;
  Block& block = *fiber->block;
  const size_t offset = shared_offset(block, address);
  if (offset < kArenaBytes) return race_access_shared(block, *fiber, offset, bytes, access, pc);
  const auto begin = reinterpret_cast<uintptr_t>(address);
  if (begin - reinterpret_cast<uintptr_t>(fiber->stack) < block.stacks.stack_bytes()) return;
  for (Region& region : regions) {
    if (begin < region.begin || begin >= region.end) continue;
    const size_t first = (begin - region.begin) >> kCellShift, last = (begin - region.begin + bytes - 1) >> kCellShift;
    for (size_t i = first; i <= last && i < region.cells.size(); ++i)
      touch(block, *fiber, {&region.cells[i], reinterpret_cast<void*>(region.begin + (i << kCellShift)), false}, access,
            pc);
    return;
  }
}

void race_launch_begins(uint32_t first_serial) {
  launch_first_serial = first_serial;
  reported.clear();
}

void race_block_begins(Block& block) {
  if (!race_detection()) return;
  shared_cells.resize(kArenaBytes >> kCellShift);
  for (Warp& warp : block.warps) reset_clocks(warp);
}

void race_barrier(Block& block) {
  if (!race_detection()) return;
  for (Warp& warp : block.warps) reset_clocks(warp);
}

void race_syncwarp(Warp& warp, unsigned lanes) {
  if (!race_detection()) return;
  uint32_t joined[kWarpSize] = {};
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if (lanes >> lane & 1)
      for (unsigned k = 0; k < kWarpSize; ++k) joined[k] = std::max(joined[k], warp.clock[lane][k]);
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if (lanes >> lane & 1) {
      std::memcpy(warp.clock[lane], joined, sizeof joined);
      ++warp.clock[lane][lane];
    }
}

void race_copy_issued(Block& block, Fiber& fiber, size_t offset, size_t bytes, const void* pc) {
  if (!race_detection()) return;
  race_access_shared(block, fiber, offset, bytes, Access::write, pc);
  each_shared_cell(offset, bytes, [&](size_t, Cell& cell) {
    cell.copy_serial = block.serial;
    cell.copy_thread = static_cast<uint16_t>(fiber.index);
  });
}

// The write counts as made by this thread at its wait: only what synchronises after it may read.
void race_copy_done(Block& block, const Fiber& fiber, size_t offset, size_t bytes) {
  if (!race_detection()) return;
  each_shared_cell(offset, bytes, [&](size_t, Cell& cell) {
    cell.copy_serial = 0;
    cell.write.epoch = block.epoch;
    cell.write.clock = fiber.warp->clock[fiber.lane][fiber.lane];
  });
}

void race_watch(const void* begin, size_t bytes) {
  if (!race_detection()) return;
  const auto address = reinterpret_cast<uintptr_t>(begin);
  regions.push_back({address, address + bytes, std::vector<Cell>((bytes >> kCellShift) + 1)});
}

void race_unwatch(const void* begin) {
  std::erase_if(regions, [&](const Region& region) { return region.begin == reinterpret_cast<uintptr_t>(begin); });
}

}  // namespace internal
}  // namespace tern::simt
