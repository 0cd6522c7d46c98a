#include "data/puzzles/token_bytes.h"

#include <algorithm>
#include <utility>

#include "data/puzzles/token_rows.h"

namespace tern::puzzles {

namespace {

// Both in two simple loops, the check and the widening, which are vectorised better than one. True when no byte is
// above largest.
[[gnu::always_inline]] inline bool load_inputs(const uint8_t* source, size_t count, uint8_t largest, int32_t* out) {
  uint8_t outside = 0;
  for (size_t i = 0; i < count; ++i) outside |= static_cast<uint8_t>(source[i] > largest);
  for (size_t i = 0; i < count; ++i) out[i] = source[i];
  return outside == 0;
}

[[gnu::always_inline]] inline bool load_labels(const uint8_t* source, size_t count, uint8_t largest, uint8_t ignored,
                                               int32_t* out) {
  uint8_t outside = 0;
  for (size_t i = 0; i < count; ++i) {
    outside |= static_cast<uint8_t>(source[i] > largest) & static_cast<uint8_t>(source[i] != ignored);
  }
  for (size_t i = 0; i < count; ++i) out[i] = source[i] == ignored ? kIgnoreLabel : source[i];
  return outside == 0;
}

// Each loop is compiled twice: for every processor of its kind, and for AVX2, which is twice as fast.
#if defined(__x86_64__)
#define TERN_TARGET_AVX2 __attribute__((target("avx2")))
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#else
#define TERN_TARGET_AVX2
constexpr bool has_avx2() {
  return false;
}
#endif

TERN_TARGET_AVX2 bool load_inputs_avx2(const uint8_t* source, size_t count, uint8_t largest, int32_t* out) {
  return load_inputs(source, count, largest, out);
}

TERN_TARGET_AVX2 bool load_labels_avx2(const uint8_t* source, size_t count, uint8_t largest, uint8_t ignored,
                                       int32_t* out) {
  return load_labels(source, count, largest, ignored, out);
}

uint8_t largest_token(int64_t vocab_size) {
  return static_cast<uint8_t>(std::clamp<int64_t>(vocab_size - 1, 0, UINT8_MAX));
}

}  // namespace

bool load_input_bytes(const uint8_t* source, size_t count, int64_t vocab_size, int32_t* out) {
  const uint8_t largest = largest_token(vocab_size);
  return has_avx2() ? load_inputs_avx2(source, count, largest, out) : load_inputs(source, count, largest, out);
}

bool load_label_bytes(const uint8_t* source, size_t count, int64_t vocab_size, std::optional<int64_t> ignore_label_id,
                      int32_t* out) {
  if (!ignore_label_id || !std::in_range<uint8_t>(*ignore_label_id)) {
    return load_input_bytes(source, count, vocab_size, out);
  }
  const uint8_t largest = largest_token(vocab_size);
  const auto ignored = static_cast<uint8_t>(*ignore_label_id);
  return has_avx2() ? load_labels_avx2(source, count, largest, ignored, out)
                    : load_labels(source, count, largest, ignored, out);
}

}  // namespace tern::puzzles
