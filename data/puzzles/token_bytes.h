// Token rows stored as bytes, which ARC, Sudoku and Maze datasets are: checked and widened in one go, since every
// example of a training passes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tern::puzzles {

// Copies count tokens to int32. True when every one is below vocab_size.
[[nodiscard]] bool load_input_bytes(const uint8_t* source, size_t count, int64_t vocab_size, int32_t* out);

// The same with ignore_label_id (if any) replaced by kIgnoreLabel, which may lie outside the vocabulary.
[[nodiscard]] bool load_label_bytes(const uint8_t* source, size_t count, int64_t vocab_size,
                                    std::optional<int64_t> ignore_label_id, int32_t* out);

}  // namespace tern::puzzles
