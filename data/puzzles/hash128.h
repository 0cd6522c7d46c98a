// 128-bit hashes of contents (XXH3), wide enough that equal hashes are taken for equal contents.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace tern::puzzles {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  // Sum of hashes: a hash of the collection that doesn't depend on its order.
  Hash128& operator+=(const Hash128& other) {
    low += other.low;
    high += other.high;
    return *this;
  }
  friend auto operator<=>(const Hash128&, const Hash128&) = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14
};

[[nodiscard]] Hash128 hash_bytes(const void* data, size_t size);

// For unordered containers.
struct Hash128Hasher {
  size_t operator()(const Hash128& hash) const { return hash.low; }
};

}  // namespace tern::puzzles
