// Weights alone, out of whatever file a user has.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/checkpoint/tensor_list.h"

namespace tern {

enum class WeightSet {
  raw,
  ema,  // averaged where there is an average, raw elsewhere (buffers, puzzle embedding); Error(checkpoint) without any
  ema_if_any,
};

struct Weights {
  TensorList tensors;                // CPU, in the file's order, without `_orig_mod.` in the names
  std::string source;                // the file or step_N folder that was read
  bool ema = false;                  // whether averaged ones are among them
  std::vector<std::string> skipped;  // entries of a torch.save file that aren't tensors
};

// path: a step_N folder, a run folder (its newest valid checkpoint; damaged ones are named to on_message), a
// .safetensors file, or a file of Python's torch.save(state_dict). What has a manifest is verified first. Throws
// Error(checkpoint) naming path and reason.
[[nodiscard]] Weights read_weights(const std::filesystem::path& path, WeightSet set,
                                   const std::function<void(const std::string&)>& on_message);

// The same for callers that need the tensors only.
[[nodiscard]] TensorList load_weights(const std::filesystem::path& path, WeightSet set = WeightSet::raw);

}  // namespace tern
