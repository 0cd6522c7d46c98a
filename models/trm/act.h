// Adaptive computation time: every slot of the batch works on a puzzle for up to halt_max_steps steps, then takes the
// next one from the loader.
#pragma once

#include "models/trm/trm.h"

namespace tern::trm {

// A batch as tensors: inputs and labels [batch, seq_len] int32 (labels -100 where ignored), puzzle_identifiers [batch].
struct PuzzleBatch {
  at::Tensor inputs;
  at::Tensor labels;
  at::Tensor puzzle_identifiers;
};

struct Carry {
  Latents latents;
  at::Tensor steps;   // [batch] int32, steps done on the present puzzle
  at::Tensor halted;  // [batch] bool: this slot takes a new puzzle next
  PuzzleBatch data;   // the puzzles being worked on
};

// All slots halted: the first step takes the whole batch.
[[nodiscard]] Carry initial_carry(const Trm& model, const PuzzleBatch& batch);

struct ActStep {
  Carry carry;
  Outputs outputs;
};

// One training step: halted slots take their puzzle from batch, the model runs once, and slots halt at halt_max_steps
// or when Q says so, except where exploration demands more steps (drawn from generator). The given carry is not
// changed.
[[nodiscard]] ActStep act_train_step(Trm& model, const Carry& carry, const PuzzleBatch& batch,
                                     at::Generator& generator);

// A whole evaluation: always halt_max_steps steps, so that a batch ends together. Returns the state after the last
// step.
[[nodiscard]] ActStep act_evaluate(Trm& model, const PuzzleBatch& batch);

}  // namespace tern::trm
