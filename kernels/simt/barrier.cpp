// __syncthreads and its reductions. Exited threads don't count, as on the device.
#include <cstring>

#include "kernels/simt/block.h"
#include "kernels/simt/race_detector.h"

namespace tern::simt {
namespace internal {
namespace {

void release_barrier(Block& block, const Fiber* running) {
  for (unsigned i = 0; i < block.threads; ++i) {
    Fiber* fiber = block.fibers[i].get();
    if (!fiber->done && fiber != running) make_ready(block, fiber);
  }
  block.barrier_result = block.barrier_value;
  block.barrier_arrived = 0;
  block.barrier_site = {};
  ++block.epoch;
  ++block.stats.barriers;
  race_barrier(block);
}

void check_same_site(Block& block, Site site) {
  const Site other = block.barrier_site;
  if (!other.file || (other.line == site.line && std::strcmp(other.file, site.file) == 0)) return;
  fail(block, describe(*current_fiber()) + ": divergent __syncthreads: this thread is at " + describe(site) +
                  ", others wait at " + describe(other));
}

}  // namespace

void leave_barrier(Block& block, const Fiber& exiting) {
  if (block.live > 0 && block.barrier_arrived == block.live) release_barrier(block, &exiting);
}

}  // namespace internal

using namespace internal;

int barrier_reduce(BarrierReduce op, bool predicate, Site site) {
  Block& block = *current_fiber()->block;
  check_same_site(block, site);
  if (block.barrier_arrived == 0) block.barrier_value = op == BarrierReduce::all ? 1 : 0;
  block.barrier_site = site;
  switch (op) {
    case BarrierReduce::any: block.barrier_value |= predicate; break;
    case BarrierReduce::all: block.barrier_value &= predicate; break;
    case BarrierReduce::count: block.barrier_value += predicate; break;
  }
  if (++block.barrier_arrived == block.live)
    release_barrier(block, current_fiber());
  else
    sleep_in(block, "__syncthreads", site);
  return block.barrier_result;
}

void barrier(Site site) {
  barrier_reduce(BarrierReduce::count, false, site);
}

}  // namespace tern::simt
