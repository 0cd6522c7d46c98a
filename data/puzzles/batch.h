// What the loader hands to a training step or an evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>

namespace tern::puzzles {

// int32 values, aligned to 64 bytes, not initialised. Growing or shrinking reuses the memory where it fits, so that a
// batch that is filled again costs no page faults.
class TokenBuffer {
 public:
  void resize(size_t size) {
    if (size > capacity_) {
      values_.reset(static_cast<int32_t*>(::operator new(size * sizeof(int32_t), kAlignment)));
      capacity_ = size;
    }
    size_ = size;
  }

  [[nodiscard]] int32_t* data() { return values_.get(); }
  [[nodiscard]] const int32_t* data() const { return values_.get(); }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::span<const int32_t> values() const { return {values_.get(), size_}; }
  [[nodiscard]] const int32_t& operator[](size_t i) const { return values_.get()[i]; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(int32_t* values) const { ::operator delete(values, kAlignment); }
  };
  std::unique_ptr<int32_t, Free> values_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// One rank's share of a global batch. Rows from num_examples on are padding (evaluation only): pad_id, ignored labels,
// the blank identifier.
struct Batch {
  std::string set_name;
  size_t dataset = 0;              // index of its path in data_paths
  int64_t batch = 0;               // rows
  int64_t seq_len = 0;             // columns
  int64_t num_examples = 0;        // rows that are examples
  int64_t global_size = 0;         // examples of all ranks
  TokenBuffer inputs;              // batch x seq_len
  TokenBuffer labels;              // batch x seq_len, kIgnoreLabel where the loss doesn't look
  TokenBuffer puzzle_identifiers;  // batch
};

}  // namespace tern::puzzles
