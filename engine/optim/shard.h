// Which part of the optimizer's work and state a rank of a data-parallel job owns.
#pragma once

#include <cstdint>

namespace tern {

struct Shard {
  int64_t rank = 0;
  int64_t world_size = 1;
};

struct Slice {
  int64_t first = 0;
  int64_t count = 0;  // 0: nothing
};

// Contiguous slices of ceil(items / world_size), in the order of the ranks; the last ones may be shorter or empty.
// Whatever is sliced this way is whole again when the ranks' parts are laid one after the other.
[[nodiscard]] Slice owned_slice(int64_t items, Shard shard);

}  // namespace tern
