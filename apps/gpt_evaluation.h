// What a GPT is measured by while it trains: bits per byte, and samples from fixed prompts. CORE is in gpt_core.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/text/packing_loader.h"
#include "data/text/tokenizer.h"
#include "engine/distributed/process_group.h"
#include "models/gpt/bits_per_byte.h"
#include "models/gpt/generate.h"

namespace tern {

// inputs and targets of a batch, [rows, seq_len] int64, on the model's device.
struct TokenTensors {
  at::Tensor inputs;
  at::Tensor targets;
};

[[nodiscard]] TokenTensors to_tensors(const text::TokenBatch& batch, at::Device device);

// Sums over the next `batches` batches of the loader; another rank's can be added before value() is asked for. on_batch
// is called after each.
[[nodiscard]] gpt::BitsPerByte bits_per_byte(const gpt::Gpt& model, text::PackingLoader& loader, int64_t batches,
                                             const text::Tokenizer& tokenizer,
                                             const std::function<void()>& on_batch = {});

// The sums of all ranks, on every one.
[[nodiscard]] gpt::BitsPerByte sum_over_ranks(const gpt::BitsPerByte& own, ProcessGroup& group);

// nanochat's seven prompts.
[[nodiscard]] const std::vector<std::string>& sample_prompts();

// Prompt and continuation as text, invalid UTF-8 replaced. A sample ends at <|bos|> or <|assistant_end|>; these are
// added to the options' stop tokens. on_text, for one sample only, gets the continuation piece by piece, each of them
// whole characters.
[[nodiscard]] std::vector<std::string> complete(const gpt::Gpt& model, const text::Tokenizer& tokenizer,
                                                const std::string& prompt, gpt::GenerateOptions options,
                                                const std::function<void(const std::string&)>& on_text = {});

// Throws Error(data) naming both sizes unless the tokenizer has the model's vocabulary.
void check_vocabulary(const gpt::GptConfig& config, const text::Tokenizer& tokenizer);

}  // namespace tern
