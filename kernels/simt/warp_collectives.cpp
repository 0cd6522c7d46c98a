// Operations in which the lanes of a warp meet: __syncwarp, votes, shuffles, ldmatrix, mma.
#include <cstdio>
#include <cstring>

#include "kernels/simt/block.h"
#include "kernels/simt/fragments.h"
#include "kernels/simt/race_detector.h"

namespace tern::simt {
namespace internal {
namespace {

bool needs_whole_warp(Collective kind) {
  return kind == Collective::ldmatrix || kind == Collective::mma;
}

void release_gathering(Block& block, Warp& warp, Gathering& gathering, const Fiber* running) {
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if ((gathering.arrived >> lane & 1) && gathering.fiber[lane] != running) make_ready(block, gathering.fiber[lane]);
  if (gathering.kind == Collective::syncwarp) race_syncwarp(warp, gathering.arrived);
  gathering = warp.gathering[--warp.gatherings];
}

[[noreturn]] void report_divergence(Block& block, Collective kind, unsigned mask, Site site, const Gathering& other) {
  char masks[48];
  std::snprintf(masks, sizeof masks, " (masks %08x and %08x)", mask, other.mask);
  fail(block, describe(*current_fiber()) + ": divergent warp collective: this lane is in " + name_of(kind) + " at " +
                  describe(site) + ", others of its warp wait in " + name_of(other.kind) + " at " +
                  describe(other.site) + masks);
}

// The gathering that the running lane joins; opened if it is the first.
Gathering& join(Block& block, Warp& warp, unsigned mask, Collective kind, Site site) {
  for (int i = 0; i < warp.gatherings; ++i) {
    Gathering& open = warp.gathering[i];
    if ((open.mask & mask) == 0) continue;
    const bool same = open.mask == mask && open.kind == kind && open.site.line == site.line &&
                      std::strcmp(open.site.file, site.file) == 0;
    if (!same) report_divergence(block, kind, mask, site, open);
    return open;
  }
  Gathering& opened = warp.gathering[warp.gatherings++];
  opened.mask = mask;
  opened.arrived = 0;
  opened.kind = kind;
  opened.site = site;
  return opened;
}

// execute(argument[32], lanes, block) runs once, on the lane that arrives last.
template <class Execute>
void collective(unsigned mask, Collective kind, void* argument, Site site, Execute execute) {
  Fiber& fiber = *current_fiber();
  Block& block = *fiber.block;
  Warp& warp = *fiber.warp;
  const unsigned bit = 1u << fiber.lane;
  if (!(mask & bit))
    fail(block,
         describe(fiber) + ": " + name_of(kind) + " at " + describe(site) + " with a mask that lacks the caller");
  if (needs_whole_warp(kind) && warp.exited)
    fail(block, describe(fiber) + ": " + name_of(kind) + " at " + describe(site) + " in a warp with missing lanes");
  Gathering& gathering = join(block, warp, mask, kind, site);
  gathering.arrived |= bit;
  gathering.argument[fiber.lane] = argument;
  gathering.fiber[fiber.lane] = &fiber;
  if (gathering.arrived != (mask & ~warp.exited)) return sleep_in(block, name_of(kind), site);
  ++block.stats.warp_ops;
  execute(gathering.argument, gathering.arrived, block);
  release_gathering(block, warp, gathering, &fiber);
}

struct Shuffle {
  uint32_t value;
  ShuffleMode mode;
  int operand, width;
  uint32_t result;
};

int source_lane(const Shuffle& shuffle, int lane) {
  const int first = lane & ~(shuffle.width - 1), last = first + shuffle.width - 1;
  switch (shuffle.mode) {
    case ShuffleMode::index: return first + (shuffle.operand & (shuffle.width - 1));
    case ShuffleMode::up: return lane - shuffle.operand < first ? lane : lane - shuffle.operand;
    case ShuffleMode::down: return lane + shuffle.operand > last ? lane : lane + shuffle.operand;
    case ShuffleMode::exclusive_or: return (lane ^ shuffle.operand) > last ? lane : lane ^ shuffle.operand;
  }
  return lane;
}

struct LoadMatrix {
  uint32_t* out;
  const void* row;
};

// Copies one 8x8 matrix whose rows the lanes 8 * index ... 8 * index + 7 point at.
void load_tile(Block& block, void** arguments, int index, Site site, const void* pc, uint16_t (&tile)[8][8]) {
  unsigned banks = 0;
  const unsigned first_thread = current_fiber()->index / kWarpSize * kWarpSize;
  for (int row = 0; row < 8; ++row) {
    const unsigned lane = static_cast<unsigned>(index * 8 + row);
    const void* address = static_cast<const LoadMatrix*>(arguments[lane])->row;
    const size_t offset = shared_offset(block, address);
    if (offset + 16 > kArenaBytes || offset >= kArenaBytes)
      fail(block, "ldmatrix at " + describe(site) + ": row address is not in shared memory");
    if (reinterpret_cast<uintptr_t>(address) % 16 != 0)
      fail(block, "ldmatrix at " + describe(site) + ": row address is not 16-byte aligned");
    race_access_shared(block, *block.fibers[first_thread + lane], offset, 16, Access::read, pc);
    std::memcpy(tile[row], address, 16);
    const unsigned bank = 1u << (offset / 16 % 8);
    block.stats.ldmatrix_conflicts += (banks & bank) != 0;
    banks |= bank;
  }
}

struct Mma {
  float* d;
  const uint32_t *a, *b;
};

}  // namespace

void leave_gatherings(Block& block, const Fiber& exiting) {
  Warp& warp = *exiting.warp;
  for (int i = 0; i < warp.gatherings; ++i) {
    Gathering& open = warp.gathering[i];
    if (!(open.mask >> exiting.lane & 1)) continue;
    if (open.kind != Collective::syncwarp)
      fail(block, describe(exiting) + " exits while its warp waits for it in " + name_of(open.kind) + " at " +
                      describe(open.site));
    if (open.arrived == (open.mask & ~warp.exited)) {
      release_gathering(block, warp, open, nullptr);
      --i;  // the last gathering moved into this place
    }
  }
}

}  // namespace internal

using namespace internal;

void warp_sync(unsigned mask, Site site) {
  collective(mask, Collective::syncwarp, nullptr, site, [](void**, unsigned, Block&) {});
}

unsigned ballot(unsigned mask, bool predicate, Site site) {
  unsigned value = predicate;
  collective(mask, Collective::vote, &value, site, [](void** votes, unsigned lanes, Block&) {
    unsigned result = 0;
    for (unsigned lane = 0; lane < kWarpSize; ++lane)
      if (lanes >> lane & 1) result |= *static_cast<unsigned*>(votes[lane]) << lane;
    for (unsigned lane = 0; lane < kWarpSize; ++lane)
      if (lanes >> lane & 1) *static_cast<unsigned*>(votes[lane]) = result;
  });
  return value;
}

uint32_t shuffle(unsigned mask, ShuffleMode mode, uint32_t value, int operand, int width, Site site) {
  Shuffle mine{value, mode, operand, width, 0};
  collective(mask, Collective::shuffle, &mine, site, [&](void** arguments, unsigned lanes, Block& block) {
    for (unsigned lane = 0; lane < kWarpSize; ++lane) {
      if (!(lanes >> lane & 1)) continue;
      Shuffle& one = *static_cast<Shuffle*>(arguments[lane]);
      const int source = source_lane(one, static_cast<int>(lane));
      if (!(lanes >> source & 1))
        fail(block, "shuffle at " + describe(site) + ": lane " + std::to_string(lane) + " reads inactive lane " +
                        std::to_string(source));
      one.result = static_cast<Shuffle*>(arguments[source])->value;
    }
  });
  return mine.result;
}

void ldmatrix(int matrices, bool transposed, uint32_t* out, const void* row, Site site) {
  LoadMatrix mine{out, row};
  const void* pc = __builtin_return_address(0);
  collective(kFullMask, Collective::ldmatrix, &mine, site, [&](void** arguments, unsigned, Block& block) {
    ++block.stats.ldmatrix;
    for (int index = 0; index < matrices; ++index) {
      uint16_t tile[8][8];
      load_tile(block, arguments, index, site, pc, tile);
      for (int lane = 0; lane < static_cast<int>(kWarpSize); ++lane)
        static_cast<LoadMatrix*>(arguments[lane])->out[index] = ldmatrix_register(tile, lane, transposed);
    }
  });
}

void mma_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, Site site) {
  Mma mine{d, a, b};
  collective(kFullMask, Collective::mma, &mine, site, [](void** arguments, unsigned, Block& block) {
    ++block.stats.mma;
    MmaWarp warp;
    for (unsigned lane = 0; lane < kWarpSize; ++lane) {
      const Mma& one = *static_cast<Mma*>(arguments[lane]);
      std::memcpy(warp.a[lane], one.a, sizeof warp.a[lane]);
      std::memcpy(warp.b[lane], one.b, sizeof warp.b[lane]);
      std::memcpy(warp.c[lane], one.d, sizeof warp.c[lane]);
    }
    mma_m16n8k16(warp);
    for (unsigned lane = 0; lane < kWarpSize; ++lane)
      std::memcpy(static_cast<Mma*>(arguments[lane])->d, warp.c[lane], sizeof warp.c[lane]);
  });
}

}  // namespace tern::simt
