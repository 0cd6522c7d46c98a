// Runs numbered blocks of work on several threads, with an optional last step per block that happens in order.
#pragma once

#include <cstdint>
#include <functional>

namespace tern::puzzles {

struct BlockWork {
  // Runs on any worker, several at a time; blocks are started in ascending order. worker is in [0, threads).
  std::function<void(int worker, int64_t block)> produce;

  // Optional: runs on the same worker after produce, one block at a time, in ascending order.
  std::function<void(int worker, int64_t block)> commit;

  // Optional: called in the calling thread about ten times a second and once at the end with the number of finished
  // blocks. May throw to cancel.
  std::function<void(int64_t done)> tick;
};

// Returns when all blocks are done. The first exception (of a worker or of tick) stops the start of further blocks and
// is rethrown here after all workers have ended.
void run_blocks(int64_t num_blocks, int threads, const BlockWork& work);

}  // namespace tern::puzzles
