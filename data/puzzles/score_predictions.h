// Scores predictions that were recorded in a file, without a model.
#pragma once

#include <filesystem>

#include "data/puzzles/arc_vote.h"

namespace tern::puzzles {

// predictions: an .npz with inputs and preds (rows of 900 tokens, any integer type), puzzle_identifiers (any integer
// type) and q_halt_logits (any floating or integer type), one row per augmented test input. Needs dataset.json,
// identifiers.json and test_puzzles.json of the dataset's test split, in any container. Throws Error(data) naming file
// and array for missing, mismatched or impossible arrays.
[[nodiscard]] ArcScores score_predictions(const std::filesystem::path& predictions,
                                          const std::filesystem::path& dataset, const ArcVoteOptions& options);

}  // namespace tern::puzzles
