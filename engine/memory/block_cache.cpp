#include "engine/memory/block_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace tern {

namespace {

size_t whole_pages(size_t bytes) {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

void* map(size_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return address == MAP_FAILED ? nullptr : address;
}

}  // namespace

BlockCache::~BlockCache() {
  while (!idle_.empty()) release_oldest_idle();
}

void* BlockCache::take(size_t bytes) {
  bytes = whole_pages(bytes);
  const std::lock_guard lock(mutex_);
  most_used_bytes_ = std::max(most_used_bytes_, used_bytes_ + bytes);
  void* address = take_idle(bytes);
  if (address == nullptr && !has_room_for(bytes)) address = cut_from_idle(bytes);
  if (address == nullptr) {
    while (!idle_.empty() && !has_room_for(bytes)) release_oldest_idle();
    address = map(bytes);
  }
  while (address == nullptr && !idle_.empty()) {
    release_oldest_idle();
    address = map(bytes);
  }
  if (address == nullptr) return nullptr;
  used_bytes_ += bytes;
  used_.emplace(address, bytes);
  return address;
}

bool BlockCache::give_back(void* address) {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(address);
  if (found == used_.end()) return false;
  const size_t bytes = found->second;
  used_.erase(found);
  used_bytes_ -= bytes;
  add_idle({address, bytes});
  return true;
}

size_t BlockCache::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_bytes_;
}

size_t BlockCache::idle_bytes() const {
  const std::lock_guard lock(mutex_);
  return idle_bytes_;
}

bool BlockCache::has_room_for(size_t bytes) const {
  return used_bytes_ + idle_bytes_ + bytes <= most_used_bytes_;
}

// The block given back last: its pages are the likeliest to be in the processor's caches.
void* BlockCache::take_idle(size_t bytes) {
  const auto found = idle_of_size_.find(bytes);
  return found == idle_of_size_.end() ? nullptr : remove_idle(found->second.back()).address;
}

// From the start of the smallest stretch of idle blocks without a gap that is large enough.
void* BlockCache::cut_from_idle(size_t bytes) {
  std::vector<Idle::iterator> blocks;
  for (auto block = idle_.begin(); block != idle_.end(); ++block) blocks.push_back(block);
  std::ranges::sort(blocks, {}, [](Idle::iterator block) { return block->address; });
  size_t best = 0, best_bytes = 0;
  for (size_t first = 0, end = 0; first < blocks.size(); first = end) {
    size_t stretch = 0;
    const char* const start = static_cast<char*>(blocks[first]->address);
    while (end < blocks.size() && blocks[end]->address == start + stretch) stretch += blocks[end++]->bytes;
    if (stretch < bytes || (best_bytes > 0 && stretch >= best_bytes)) continue;
    best = first;
    best_bytes = stretch;
  }
  if (best_bytes == 0) return nullptr;
  Block joined = remove_idle(blocks[best]);
  while (joined.bytes < bytes) joined.bytes += remove_idle(blocks[++best]).bytes;
  if (joined.bytes > bytes) add_idle({static_cast<char*>(joined.address) + bytes, joined.bytes - bytes});
  return joined.address;
}

void BlockCache::add_idle(const Block& block) {
  idle_bytes_ += block.bytes;
  idle_of_size_[block.bytes].push_back(idle_.insert(idle_.end(), block));
}

BlockCache::Block BlockCache::remove_idle(Idle::iterator block) {
  const Block removed = *block;
  const auto same_size = idle_of_size_.find(removed.bytes);
  std::erase(same_size->second, block);
  if (same_size->second.empty()) idle_of_size_.erase(same_size);
  idle_.erase(block);
  idle_bytes_ -= removed.bytes;
  return removed;
}

void BlockCache::release_oldest_idle() {
  const Block block = remove_idle(idle_.begin());
  munmap(block.address, block.bytes);
}

}  // namespace tern
