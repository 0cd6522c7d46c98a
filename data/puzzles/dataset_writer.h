// What the writers of all containers take.
#pragma once

#include <cstdint>
#include <functional>

namespace tern::puzzles {

struct WriteOptions {
  int threads = 1;
  // Called now and then from the calling thread with the examples done so far, over all splits; may throw to cancel.
  std::function<void(int64_t examples_done)> progress;
};

}  // namespace tern::puzzles
