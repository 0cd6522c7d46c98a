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
      out[i] = tokens[i];
    } else {
      out[i] = std::in_range<int32_t>(tokens[i]) ? static_cast<int32_t>(tokens[i]) : INT32_MAX;
    }
  }
}

// Vocabularies beyond int32 hold every token that isn't negative.
uint32_t first_invalid(int64_t vocab_size) {
  return static_cast<uint32_t>(std::min<int64_t>(vocab_size, int64_t{INT32_MAX} + 1));
}

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
  // One unsigned comparison finds both ends; the largest value is kept instead of leaving early, so that it vectorises.
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, static_cast<uint32_t>(tokens[i]));
  return count == 0 || largest < first_invalid(vocab_size);
}

bool mask_labels(int32_t* labels, size_t count, std::optional<int64_t> ignore_label_id, int64_t vocab_size) {
  // Without an ignored label nothing is replaced: kIgnoreLabel stands for itself.
  const int64_t wanted = ignore_label_id.value_or(kIgnoreLabel);
  const int32_t ignored = std::in_range<int32_t>(wanted) ? static_cast<int32_t>(wanted) : kIgnoreLabel;
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool skip = labels[i] == ignored || labels[i] == kIgnoreLabel;
    largest = std::max(largest, skip ? 0 : static_cast<uint32_t>(labels[i]));
    labels[i] = skip ? kIgnoreLabel : labels[i];
  }
  return count == 0 || largest < first_invalid(vocab_size);
}

}  // namespace tern::puzzles
