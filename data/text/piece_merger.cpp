#include "data/text/piece_merger.h"

#include <algorithm>

namespace tern::text {

namespace {

// Where the heap begins to win; the two loops give the same tokens.
constexpr size_t kShortPiece = 64;
constexpr uint32_t kEnd = ~0U;

}  // namespace

void PieceMerger::split_to_bytes(std::string_view piece) {
  parts_.resize(piece.size());
  for (size_t i = 0; i < piece.size(); ++i) parts_[i].id = vocabulary_.id_of_byte(static_cast<uint8_t>(piece[i]));
  for (size_t i = 0; i + 1 < piece.size(); ++i) {
    parts_[i].merged = vocabulary_.merged(parts_[i].id, parts_[i + 1].id);
  }
  parts_.back().merged = Vocabulary::kNone;
}

void PieceMerger::merge_short(std::vector<TokenId>& ids) {
  size_t count = parts_.size();
  const auto rank = [&](size_t i) {
    parts_[i].merged = i + 1 < count ? vocabulary_.merged(parts_[i].id, parts_[i + 1].id) : Vocabulary::kNone;
  };
  for (;;) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (parts_[i].merged < parts_[best].merged) best = i;
    }
    if (parts_[best].merged == Vocabulary::kNone) break;
    parts_[best].id = static_cast<TokenId>(parts_[best].merged);
    std::copy(parts_.begin() + static_cast<ptrdiff_t>(best) + 2, parts_.begin() + static_cast<ptrdiff_t>(count),
              parts_.begin() + static_cast<ptrdiff_t>(best) + 1);
    --count;
    rank(best);
    if (best > 0) rank(best - 1);
  }
  for (size_t i = 0; i < count; ++i) ids.push_back(parts_[i].id);
}

// Looks up what a part merges to with its successor, and queues it.
void PieceMerger::rank_long(uint32_t part) {
  Part& left = parts_[part];
  left.merged = left.next == kEnd ? Vocabulary::kNone : vocabulary_.merged(left.id, parts_[left.next].id);
  if (left.merged == Vocabulary::kNone) return;
  heap_.push_back({left.merged, part});
  std::push_heap(heap_.begin(), heap_.end());
}

void PieceMerger::merge_long(std::vector<TokenId>& ids) {
  const auto count = static_cast<uint32_t>(parts_.size());
  heap_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    parts_[i].previous = i == 0 ? kEnd : i - 1;
    parts_[i].next = i + 1 == count ? kEnd : i + 1;
    if (parts_[i].merged != Vocabulary::kNone) heap_.push_back({parts_[i].merged, i});
  }
  std::make_heap(heap_.begin(), heap_.end());
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Candidate top = heap_.back();
    heap_.pop_back();
    Part& left = parts_[top.part];
    if (left.merged != top.merged) continue;  // stale: the pair has changed since it was queued
    Part& right = parts_[left.next];
    left.id = static_cast<TokenId>(top.merged);
    left.next = right.next;
    if (right.next != kEnd) parts_[right.next].previous = top.part;
    right.merged = Vocabulary::kNone;  // absorbed: its queued candidates are stale
    rank_long(top.part);
    if (left.previous != kEnd) rank_long(left.previous);
  }
  for (uint32_t i = 0; i != kEnd; i = parts_[i].next) ids.push_back(parts_[i].id);
}

void PieceMerger::merge(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.empty()) return;
  split_to_bytes(piece);
  if (piece.size() <= kShortPiece) {
    merge_short(ids);
  } else {
    merge_long(ids);
  }
}

}  // namespace tern::text
