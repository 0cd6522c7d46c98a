// A trained GPT to evaluate or to sample from: found by model tag, as nanochat finds it, or by folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "apps/flags.h"
#include "data/text/packer.h"
#include "data/text/tokenizer.h"
#include "models/gpt/decoder.h"
#include "models/gpt/gpt.h"

namespace tern {

struct GptChoice {
  std::optional<std::string> folder;     // a run folder, a step_N folder or a folder of nanochat; none: by tag
  std::optional<std::string> model_tag;  // in BASE/models or BASE/base_checkpoints; none: the deepest d<depth>
  std::optional<int64_t> step;           // none: the last
  std::string gpt = "nanochat";          // what files of nanochat don't say, such as rope_base: a file of configs/gpt
  at::Device device = at::kCPU;
  std::string dtype = "float32";                              // of the activations
  gpt::DecodeDtype decode_dtype = gpt::DecodeDtype::forward;  // of the matrices while a text is generated
};

// Adds --checkpoint, --model-tag, --step, --gpt, --device-type, --dtype, --decode-dtype and --threads; reads them back
// and prepares the device (apps/device.h).
void add_gpt_flags(cxxopts::Options& options);
[[nodiscard]] GptChoice read_gpt_flags(const cxxopts::ParseResult& flags, int local_rank = 0);

// The folder that a choice means: that of a run, of one checkpoint, or of nanochat. Throws Error(checkpoint) where
// there is none.
[[nodiscard]] std::filesystem::path find_gpt(const std::filesystem::path& base, const GptChoice& choice);

struct LoadedGpt {
  gpt::Gpt model;
  int64_t step = 0;
  std::string source;                               // the folder
  text::Packing packing = text::Packing::best_fit;  // of the batches that it was trained on
};

// Weights only: checkpoints of any number of ranks. Throws Error(checkpoint) for a folder that holds no GPT,
// Error(data) when the tokenizer is not the model's.
[[nodiscard]] LoadedGpt load_gpt(const std::filesystem::path& base, const GptChoice& choice,
                                 const text::Tokenizer& tokenizer);

}  // namespace tern
