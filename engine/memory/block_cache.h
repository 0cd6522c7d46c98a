// Large blocks of memory that are asked for in the same few sizes again and again, as a training step does: a block
// that was given back serves the next request of its size, so its pages are not taken from the system anew. Where there
// is none of that size and no room for another, neighbouring blocks are joined and cut to it; only what doesn't fit
// even so goes back to the system.
//
// malloc either keeps such blocks in one heap, where what lives long leaves holes that fit nothing (280 MB in a
// training step of the full-size TRM that needs 1600), or gives them back to the system, which then clears every page
// again (a quarter of that step's time).
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace tern {

// Memory held never exceeds the most that was ever in use.
class BlockCache {
 public:
  BlockCache() = default;
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // At least `bytes` bytes, aligned to a page, of any content. Null where the system has no more. Thread-safe.
  [[nodiscard]] void* take(size_t bytes);
  // What take gave, from any thread. False for an address that is not such a block.
  bool give_back(void* address);

  [[nodiscard]] size_t used_bytes() const;  // taken and not given back, in whole pages
  [[nodiscard]] size_t idle_bytes() const;  // kept for the next request

 private:
  struct Block {
    void* address;
    size_t bytes;
  };
  using Idle = std::list<Block>;

  [[nodiscard]] bool has_room_for(size_t bytes) const;
  void* take_idle(size_t bytes);
  void* cut_from_idle(size_t bytes);
  void add_idle(const Block& block);
  Block remove_idle(Idle::iterator block);
  void release_oldest_idle();

  mutable std::mutex mutex_;
  std::unordered_map<void*, size_t> used_;
  Idle idle_;  // given back longest ago first
  std::unordered_map<size_t, std::vector<Idle::iterator>> idle_of_size_;
  size_t used_bytes_ = 0, idle_bytes_ = 0, most_used_bytes_ = 0;
};

}  // namespace tern
