// The arithmetic on token rows that every example passes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/npy.h"

namespace tern::puzzles {

// What a loss leaves out (torch's cross_entropy and upstream use the same number).
inline constexpr int32_t kIgnoreLabel = -100;

// Copies count tokens of an integer type (bool is none) to int32; values beyond its range become INT32_MAX.
void widen_tokens(const std::byte* source, NpyType type, size_t count, int32_t* out);

// True when every token is in [0, vocab_size).
[[nodiscard]] bool tokens_in_range(const int32_t* tokens, size_t count, int64_t vocab_size);

// Replaces ignore_label_id (if any) by kIgnoreLabel. True when every other label is in [0, vocab_size).
[[nodiscard]] bool mask_labels(int32_t* labels, size_t count, std::optional<int64_t> ignore_label_id,
                               int64_t vocab_size);

}  // namespace tern::puzzles
