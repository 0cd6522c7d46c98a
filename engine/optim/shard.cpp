#include "engine/optim/shard.h"

#include <algorithm>

namespace tern {

Slice owned_slice(int64_t items, Shard shard) {
  const int64_t size = (items + shard.world_size - 1) / shard.world_size;
  const int64_t first = std::min(shard.rank * size, items);
  return {first, std::min(size, items - first)};
}

}  // namespace tern
