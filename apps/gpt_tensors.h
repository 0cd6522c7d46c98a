// Weights of a GPT from and to files.
#pragma once

#include <string>

#include "engine/checkpoint/tensor_list.h"
#include "models/gpt/gpt.h"

namespace tern {

// Copies tensors of nanochat's names into the model. bfloat16 values (nanochat's embeddings on GPUs) are widened.
// Throws Error(checkpoint) naming `source` for a tensor that is missing, too many or of another shape.
void load_gpt_weights(const gpt::Gpt& model, const TensorList& weights, const std::string& source);

}  // namespace tern
