// Puzzle datasets small enough that a whole training run takes a second.
#pragma once

#include <cstdint>
#include <filesystem>

namespace tern::test {

struct TinyDataset {
  int64_t side = 4;           // grids of side x side cells
  int64_t vocab_size = 6;     // 0 padding, 1 blank, then colours
  int64_t puzzles = 12;       // each a group of its own, two examples in train
  int64_t test_examples = 1;  // of each in test
  bool test_split = true;
};

// Writes train and test splits as upstream's builders do (npy folder). The answer of every cell is the input's value
// plus one, cyclically, which a tiny TRM learns within some dozen steps. Equal calls write equal files.
void write_tiny_dataset(const std::filesystem::path& folder, const TinyDataset& dataset = {});

// ARC puzzles in the Kaggle layout: folder/mini_training_challenges.json and so on; three puzzles in "training", two in
// "evaluation". For arc_build --input-file-prefix folder/mini.
void write_tiny_arc_json(const std::filesystem::path& folder);

}  // namespace tern::test
