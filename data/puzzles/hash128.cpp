#include "data/puzzles/hash128.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tern::puzzles {

Hash128 hash_bytes(const void* data, size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(data, size);
  return {hash.low64, hash.high64};
}

}  // namespace tern::puzzles
