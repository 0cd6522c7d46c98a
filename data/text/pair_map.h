// Hash map from a pair of token ids to a small value: open addressing, linear probing, no deletion. The merge loops of
// training and encoding spend most of their time in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tern::text {

// Two token ids (each below 2^32 - 1) as one number; ordered as the pair is.
using PairKey = uint64_t;
[[nodiscard]] constexpr PairKey pair_key(uint32_t left, uint32_t right) {
  return uint64_t{left} << 32 | right;
}
[[nodiscard]] constexpr uint32_t left_of(PairKey key) {
  return static_cast<uint32_t>(key >> 32);
}
[[nodiscard]] constexpr uint32_t right_of(PairKey key) {
  return static_cast<uint32_t>(key);
}

template <typename Value>
class PairMap {
 public:
  explicit PairMap(size_t expected = 0) { rehash(expected * 2); }

  [[nodiscard]] size_t size() const { return size_; }

  // Null when the key is absent. Valid until the next insertion.
  [[nodiscard]] const Value* find(PairKey key) const {
    const Slot& slot = slots_[index_of(key)];
    return slot.key == key ? &slot.value : nullptr;
  }

  // Value of the key; inserted as Value{} if absent.
  Value& operator[](PairKey key) {
    if (size_ * 2 >= slots_.size()) rehash(slots_.size() * 2);
    Slot& slot = slots_[index_of(key)];
    if (slot.key != key) {
      slot.key = key;
      ++size_;
    }
    return slot.value;
  }

  template <typename Use>
  void for_each(Use&& use) const {
    for (const Slot& slot : slots_) {
      if (slot.key != kEmpty) use(slot.key, slot.value);
    }
  }

 private:
  static constexpr PairKey kEmpty = ~PairKey{0};
  struct Slot {
    PairKey key = kEmpty;
    Value value{};
  };

  // Slot that holds the key, or the empty one where it would go.
  [[nodiscard]] size_t index_of(PairKey key) const {
    const uint64_t hash = (key ^ key >> 29) * 0x9E3779B97F4A7C15ULL;
    size_t index = (hash ^ hash >> 32) & mask_;
    while (slots_[index].key != key && slots_[index].key != kEmpty) index = (index + 1) & mask_;
    return index;
  }

  void rehash(size_t wanted) {
    size_t capacity = 64;
    while (capacity < wanted) capacity *= 2;
    std::vector<Slot> old(capacity);
    old.swap(slots_);
    mask_ = capacity - 1;
    for (Slot& slot : old) {
      if (slot.key != kEmpty) slots_[index_of(slot.key)] = std::move(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace tern::text
