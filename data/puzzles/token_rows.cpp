#include "data/puzzles/token_rows.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace tern::puzzles {

namespace {

template <class T>
void widen(const std::byte* source, size_t count, int32_t* out) {
  const T* tokens = reinterpret_cast<const T*>(source);
  for (size_t i = 0; i < count; ++i) {
    if constexpr (sizeof(T) < 4 || std::is_same_v<T, int32_t>) {
      out[i] = tokens[i];  // NOLINT(bugprone-signed-char-misuse): numbers
    } else {
      out[i] = std::in_range<int32_t>(tokens[i]) ? static_cast<int32_t>(tokens[i]) : INT32_MAX;
    }
  }
}

// Range checks that vectorise on any x86-64: the sign bit of outside(x) is set when x is negative or above largest.
struct RangeCheck {
  explicit RangeCheck(int64_t vocab_size)
      : largest(static_cast<uint32_t>(std::min<int64_t>(vocab_size - 1, INT32_MAX))) {}

  [[nodiscard]] uint32_t outside(int32_t x) const {
    const auto bits = static_cast<uint32_t>(x);
    return bits | (largest - bits);
  }
  [[nodiscard]] static bool passed(uint32_t all) { return all >> 31 == 0; }

  uint32_t largest;
};

}  // namespace

void widen_tokens(const std::byte* source, NpyType type, size_t count, int32_t* out) {
  if (type == NpyType{'u', 1}) return widen<uint8_t>(source, count, out);
  if (type == NpyType{'i', 1}) return widen<int8_t>(source, count, out);
  if (type == NpyType{'u', 2}) return widen<uint16_t>(source, count, out);
  if (type == NpyType{'i', 2}) return widen<int16_t>(source, count, out);
  if (type == NpyType{'u', 4}) return widen<uint32_t>(source, count, out);
  if (type == NpyType{'i', 4}) return widen<int32_t>(source, count, out);
  if (type == NpyType{'u', 8}) return widen<uint64_t>(source, count, out);
  TERN_CHECK(type == (NpyType{'i', 8}), type.descr() + " is not a token type");
  widen<int64_t>(source, count, out);
}

bool tokens_in_range(const int32_t* tokens, size_t count, int64_t vocab_size) {
  const RangeCheck check(vocab_size);
  uint32_t all = 0;
  for (size_t i = 0; i < count; ++i) all |= check.outside(tokens[i]);
  return RangeCheck::passed(all);
}

bool mask_labels(int32_t* labels, size_t count, std::optional<int64_t> ignore_label_id, int64_t vocab_size) {
  // Without an ignored label nothing is replaced: kIgnoreLabel stands for itself.
  const int64_t wanted = ignore_label_id.value_or(kIgnoreLabel);
  const int32_t ignored = std::in_range<int32_t>(wanted) ? static_cast<int32_t>(wanted) : kIgnoreLabel;
  const RangeCheck check(vocab_size);
  uint32_t all = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool skip = (labels[i] == ignored) | (labels[i] == kIgnoreLabel);
    all |= skip ? 0 : check.outside(labels[i]);
    labels[i] = skip ? kIgnoreLabel : labels[i];
  }
  return RangeCheck::passed(all);
}

}  // namespace tern::puzzles
