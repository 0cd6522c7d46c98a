#include "data/text/best_fit_packer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tern::text {

void BestFitPacker::add(const DocumentAddress& address, std::vector<TokenId> tokens) {
  TERN_CHECK(!tokens.empty(), "a document without even BOS");
  const auto length = static_cast<int64_t>(tokens.size());
  if (free_slots_.empty()) {
    free_slots_.push_back(documents_.size());
    documents_.emplace_back();
  }
  const size_t slot = free_slots_.back();
  free_slots_.pop_back();
  documents_[slot] = {address, std::move(tokens)};
  order_.push_back({length, slot});
}

// Entry of the longest document that fits, else of the shortest.
size_t BestFitPacker::choose(int64_t remaining) const {
  size_t best = 0;
  int64_t best_length = 0;
  size_t shortest = 0;
  for (size_t i = 0; i < order_.size(); ++i) {
    const int64_t length = order_[i].length;
    if (length <= remaining && length > best_length) {
      best = i;
      best_length = length;
    }
    if (length < order_[shortest].length) shortest = i;
  }
  return best_length > 0 ? best : shortest;
}

BestFitPacker::Document BestFitPacker::take(size_t entry) {
  const size_t slot = order_[entry].slot;
  order_.erase(order_.begin() + static_cast<ptrdiff_t>(entry));
  free_slots_.push_back(slot);
  return std::exchange(documents_[slot], {});
}

void BestFitPacker::fill(std::span<int64_t> row, const std::function<void()>& refill) {
  while (!row.empty()) {
    while (static_cast<int64_t>(order_.size()) < buffer_size_) refill();
    const Document document = take(choose(static_cast<int64_t>(row.size())));
    const size_t used = std::min(row.size(), document.tokens.size());
    std::copy_n(document.tokens.begin(), used, row.begin());
    row = row.subspan(used);
  }
}

std::vector<DocumentAddress> BestFitPacker::buffered() const {
  std::vector<DocumentAddress> addresses;
  for (const Entry& entry : order_) addresses.push_back(documents_[entry.slot].address);
  return addresses;
}

}  // namespace tern::text
