#include "apps/gpt_evaluation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "base/error.h"
#include "data/text/encoder.h"
#include "data/text/utf8.h"
#include "models/gpt/loss.h"

namespace tern {

namespace {

at::Tensor to_tensor(const std::vector<int64_t>& values, int64_t rows, int64_t columns, at::Device device) {
  at::Tensor tensor = at::empty({rows, columns}, at::TensorOptions(at::kLong).pinned_memory(device.is_cuda()));
  std::ranges::copy(values, tensor.mutable_data_ptr<int64_t>());
  return tensor.to(device, /*non_blocking=*/true);
}

}  // namespace

TokenTensors to_tensors(const text::TokenBatch& batch, at::Device device) {
  return {to_tensor(batch.inputs, batch.batch_size, batch.seq_len, device),
          to_tensor(batch.targets, batch.batch_size, batch.seq_len, device)};
}

gpt::BitsPerByte bits_per_byte(const gpt::Gpt& model, text::PackingLoader& loader, int64_t batches,
                               const text::Tokenizer& tokenizer, const std::function<void()>& on_batch) {
  const at::NoGradGuard no_grad;
  const std::vector<int32_t> lengths = tokenizer.byte_lengths();
  const at::Tensor byte_lengths =
      at::tensor(std::vector<int64_t>(lengths.begin(), lengths.end()), at::kLong).to(model.device());
  gpt::BitsPerByte sum;
  for (int64_t i = 0; i < batches; ++i) {
    const TokenTensors batch = to_tensors(loader.next(), model.device());
    sum.add(gpt::token_loss(model, model.hidden(batch.inputs), batch.targets).per_token, batch.targets, byte_lengths);
    if (on_batch) on_batch();
  }
  return sum;
}

gpt::BitsPerByte sum_over_ranks(const gpt::BitsPerByte& own, ProcessGroup& group) {
  const std::vector<double> all = group.sum({own.nats, static_cast<double>(own.bytes)});
  return {.nats = all[0], .bytes = static_cast<int64_t>(all[1])};
}

const std::vector<std::string>& sample_prompts() {
  static const std::vector<std::string> prompts = {
      "The capital of France is",
      "The chemical symbol of gold is",
      "If yesterday was Friday, then tomorrow will be",
      "The opposite of hot is",
      "The planets of the solar system are:",
      "My favorite color is",
      "If 5*x + 3 = 13, then x is",
  };
  return prompts;
}

std::vector<std::string> complete(const gpt::Gpt& model, const text::Tokenizer& tokenizer, const std::string& prompt,
                                  gpt::GenerateOptions options,
                                  const std::function<void(const std::string&)>& on_text) {
  TERN_CHECK(!on_text || options.num_samples == 1, "one sample to stream");
  options.stop_tokens.push_back(tokenizer.bos());
  options.stop_tokens.push_back(tokenizer.special("<|assistant_end|>"));
  const std::vector<text::TokenId> tokens = text::Encoder(tokenizer).encode(prompt, tokenizer.bos());
  std::string waiting;  // bytes that may be the start of a character
  const auto stream = [&](const std::vector<int64_t>& column) {
    waiting += tokenizer.bytes(static_cast<text::TokenId>(column[0]));
    const size_t whole = waiting.size() - text::unfinished_utf8(waiting);
    if (whole > 0) on_text(text::replace_invalid_utf8(waiting.substr(0, whole)));
    waiting.erase(0, whole);
  };
  std::vector<std::string> texts;
  for (const auto& sample : gpt::generate(model, {tokens.begin(), tokens.end()}, options,
                                          on_text ? gpt::TokenCallback(stream) : gpt::TokenCallback())) {
    const std::vector<text::TokenId> ids(sample.begin(), sample.end());
    texts.push_back(text::replace_invalid_utf8(prompt + tokenizer.decode(ids)));
  }
  if (!waiting.empty()) on_text(text::replace_invalid_utf8(waiting));
  return texts;
}

void check_vocabulary(const gpt::GptConfig& config, const text::Tokenizer& tokenizer) {
  if (static_cast<int64_t>(tokenizer.vocab_size()) == config.vocab_size) return;
  throw Error(ErrorKind::data,
              "the tokenizer has " + std::to_string(tokenizer.vocab_size()) + " tokens, the model " +
                  std::to_string(config.vocab_size),
              "", "use the tokenizer that the model was trained with");
}

}  // namespace tern
