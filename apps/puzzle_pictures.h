// Token rows as the pictures of a report.
#pragma once

#include <string>

#include "data/puzzles/dataset.h"
#include "engine/monitor/puzzle_picture.h"
#include "models/trm/act.h"

namespace tern {

// One row of a batch and what the model made of it. preds: [batch, seq_len], any integer type. ARC's rows (900 tokens
// of 12) are cropped as the vote crops them; other square rows are shown whole, their first value as blank; rows that
// are no square have no grids. correct: every cell that the loss looks at is right.
[[nodiscard]] PuzzlePicture make_picture(const trm::PuzzleBatch& batch, const at::Tensor& preds, int64_t row,
                                         const puzzles::Metadata& metadata, std::string title);

}  // namespace tern
