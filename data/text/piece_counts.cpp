#include "data/text/piece_counts.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

#include "data/text/parallel.h"

namespace tern::text {

namespace {

constexpr size_t kFirstCapacity = size_t{1} << 14;

}  // namespace

PieceCounts::PieceCounts() : slots_(kFirstCapacity) {}

// Slot that holds the piece, or the empty one where it would go.
PieceCounts::Slot& PieceCounts::slot_of(uint64_t hash, std::string_view piece) {
  const size_t mask = slots_.size() - 1;
  for (size_t index = hash & mask;; index = (index + 1) & mask) {
    Slot& slot = slots_[index];
    if (slot.count == 0) return slot;
    if (slot.hash == hash && std::string_view(bytes_.data() + slot.offset, slot.length) == piece) return slot;
  }
}

void PieceCounts::add(std::string_view piece, int64_t count) {
  const uint64_t hash = XXH3_64bits(piece.data(), piece.size());
  Slot& slot = slot_of(hash, piece);
  if (slot.count == 0) {
    slot.hash = hash;
    slot.offset = bytes_.size();
    slot.length = piece.size();
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    ++size_;
  }
  slot.count += count;
  if (size_ * 2 > slots_.size()) grow();
}

void PieceCounts::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.count == 0) continue;
    size_t index = slot.hash & mask;
    while (slots_[index].count != 0) index = (index + 1) & mask;
    slots_[index] = slot;
  }
}

void PieceCounts::merge(const PieceCounts& other) {
  other.for_each([&](std::string_view piece, int64_t count) { add(piece, count); });
}

PieceCounter::PieceCounter(int threads) : per_thread_(static_cast<size_t>(threads > 0 ? threads : 1)) {}

void PieceCounter::add(std::span<const std::string> documents) {
  parallel_for(static_cast<int>(per_thread_.size()), documents.size(), [&](size_t worker, size_t index) {
    PieceCounts& counts = per_thread_[worker];
    splitter_.split(documents[index], [&](std::string_view piece) { counts.add(piece); });
  });
}

PieceCounts PieceCounter::take() {
  PieceCounts all = std::exchange(per_thread_[0], PieceCounts());
  for (size_t worker = 1; worker < per_thread_.size(); ++worker) {
    all.merge(per_thread_[worker]);
    per_thread_[worker] = PieceCounts();
  }
  return all;
}

}  // namespace tern::text
