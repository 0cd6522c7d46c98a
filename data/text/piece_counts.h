// Counts how often each piece occurs in a text: all that training a byte-pair vocabulary needs to know of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/splitter.h"

namespace tern::text {

// Multiset of byte strings. Its strings live in one block of memory. Not thread-safe.
class PieceCounts {
 public:
  PieceCounts();

  void add(std::string_view piece, int64_t count = 1);
  // Adds every piece of other.
  void merge(const PieceCounts& other);

  // Number of different pieces.
  [[nodiscard]] size_t size() const { return size_; }

  // Calls use(std::string_view piece, int64_t count) for each piece, in no particular order.
  template <typename Use>
  void for_each(Use&& use) const {
    for (const Slot& slot : slots_) {
      if (slot.count > 0) use(std::string_view(bytes_.data() + slot.offset, slot.length), slot.count);
    }
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint64_t offset = 0;
    uint64_t length = 0;
    int64_t count = 0;  // 0: empty slot
  };

  Slot& slot_of(uint64_t hash, std::string_view piece);
  void grow();

  std::vector<Slot> slots_;
  std::vector<char> bytes_;
  size_t size_ = 0;
};

// Splits documents and counts their pieces on several threads.
class PieceCounter {
 public:
  explicit PieceCounter(int threads);

  void add(std::span<const std::string> documents);

  // All counts so far; the counter is empty afterwards.
  [[nodiscard]] PieceCounts take();

 private:
  Splitter splitter_;
  std::vector<PieceCounts> per_thread_;
};

}  // namespace tern::text
