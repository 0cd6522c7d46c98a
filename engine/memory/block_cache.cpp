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
  if (address == nullptr) {
    while (!idle_.empty() && used_bytes_ + idle_bytes_ + bytes > most_used_bytes_ + slack_) release_oldest_idle();
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
  idle_bytes_ += bytes;
  idle_of_size_[bytes].push_back(idle_.insert(idle_.end(), {address, bytes}));
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

// The block given back last: its pages are the likeliest to be in the processor's caches.
void* BlockCache::take_idle(size_t bytes) {
  const auto found = idle_of_size_.find(bytes);
  if (found == idle_of_size_.end()) return nullptr;
  const Idle::iterator block = found->second.back();
  found->second.pop_back();
  if (found->second.empty()) idle_of_size_.erase(found);
  void* address = block->address;
  idle_.erase(block);
  idle_bytes_ -= bytes;
  return address;
}

void BlockCache::release_oldest_idle() {
  const Block block = idle_.front();
  auto& same_size = idle_of_size_.at(block.bytes);
  same_size.erase(same_size.begin());  // lists of one size are in the order of idle_
  if (same_size.empty()) idle_of_size_.erase(block.bytes);
  idle_.pop_front();
  idle_bytes_ -= block.bytes;
  munmap(block.address, block.bytes);
}

}  // namespace tern
