// Hyperparameters of the Tiny Recursive Model (arXiv 2510.04871), under the names that upstream's arch/*.yaml uses.
#pragma once

#include <cstdint>
#include <string>

namespace tern::trm {

struct TrmConfig {
  // From the dataset and the batch, not from the user.
  int64_t batch_size = 0;  // examples per rank
  int64_t seq_len = 0;     // grid cells, without the puzzle embedding's positions
  int64_t vocab_size = 0;
  int64_t num_puzzle_identifiers = 0;

  // Recursion.
  int64_t H_cycles = 3;  // all but the last run without gradient
  int64_t L_cycles = 6;
  int64_t H_layers = 0;  // ignored by TRM, as upstream
  int64_t L_layers = 2;

  // Transformer.
  int64_t hidden_size = 512;
  double expansion = 4;
  int64_t num_heads = 8;
  std::string pos_encodings = "rope";  // rope, learned; anything else: none
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000.0;
  bool mlp_t = false;  // an MLP over positions in place of attention
  std::string forward_dtype = "bfloat16";

  // Puzzle embedding: puzzle_emb_ndim numbers per puzzle, seen as puzzle_emb_len positions before the grid.
  int64_t puzzle_emb_ndim = 0;  // 0: no puzzle embedding
  int64_t puzzle_emb_len = 16;  // 0: ceil(puzzle_emb_ndim / hidden_size)

  // Adaptive computation time.
  int64_t halt_max_steps = 16;
  double halt_exploration_prob = 0.1;
  bool no_ACT_continue = true;  // halt on q_halt > 0 alone; no q_continue loss

  std::string loss_type = "stablemax_cross_entropy";  // or softmax_cross_entropy

  // Positions that the puzzle embedding takes in front of the grid.
  [[nodiscard]] int64_t puzzle_positions() const {
    if (puzzle_emb_len != 0) return puzzle_emb_len;
    return (puzzle_emb_ndim + hidden_size - 1) / hidden_size;
  }
};

}  // namespace tern::trm
