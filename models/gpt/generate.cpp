#include "models/gpt/generate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/row_ops/row_ops.h"

namespace tern::gpt {

namespace {

void check_options(const Gpt& model, const std::vector<int64_t>& prompt, const GenerateOptions& options) {
  if (prompt.empty()) throw Error(ErrorKind::usage, "an empty prompt", "", "begin with the token <|bos|>");
  check_tokens(model.config(), prompt);
  if (options.num_samples < 1 || options.max_tokens < 0) {
    throw Error(ErrorKind::usage, "nothing to generate: num_samples=" + std::to_string(options.num_samples) +
                                      ", max_tokens=" + std::to_string(options.max_tokens));
  }
  const auto length = static_cast<int64_t>(prompt.size()) + options.max_tokens;
  if (length > model.config().max_positions()) {
    throw Error(ErrorKind::usage,
                "prompt and max_tokens are " + std::to_string(length) + " tokens, the model's limit is " +
                    std::to_string(model.config().max_positions()),
                "", "shorten the prompt or lower max_tokens");
  }
}

// A model of which the generation needs three things.
struct Stepper {
  std::function<KvCache(int64_t rows, int64_t capacity)> make_cache;
  std::function<at::Tensor(const std::vector<int64_t>& prompt, KvCache&)> prefill;  // logits [1, vocab]
  std::function<at::Tensor(const at::Tensor& next, KvCache&)> step;                 // logits [B, vocab]
};

Stepper stepper_of(const Gpt& model) {
  const auto last_logits = [&model](const at::Tensor& tokens, KvCache& cache) {
    const at::Tensor hidden = model.hidden(tokens.to(model.device()), cache);
    return model.logits(hidden.select(1, tokens.size(1) - 1)).cpu();  // tokens are drawn on the CPU
  };
  return {
      .make_cache = [&model](int64_t rows, int64_t capacity) { return model.make_cache(rows, capacity); },
      .prefill = [last_logits](
                     const std::vector<int64_t>& prompt,
                     KvCache& cache) { return last_logits(at::tensor(prompt, at::kLong).unsqueeze(0), cache); },
      .step = [last_logits](const at::Tensor& next, KvCache& cache) { return last_logits(next.unsqueeze(1), cache); }};
}

Stepper stepper_of(Decoder& decoder) {
  return {.make_cache = [&decoder](int64_t rows, int64_t capacity) { return decoder.make_cache(rows, capacity); },
          .prefill = [&decoder](const std::vector<int64_t>& prompt,
                                KvCache& cache) { return decoder.prefill(prompt, cache); },
          .step =
              [&decoder](const at::Tensor& next, KvCache& cache) {
                return decoder.step({next.const_data_ptr<int64_t>(), static_cast<size_t>(next.numel())}, cache);
              }};
}

// The first of the largest logits of each row, as at::argmax, which goes through them one by one.
at::Tensor likeliest(const at::Tensor& logits) {
  const bool plain = logits.is_cpu() && logits.is_contiguous() && logits.scalar_type() == at::kFloat;
  if (!plain) return at::argmax(logits, -1);
  const int64_t rows = logits.size(0), width = logits.size(1);
  const at::Tensor tokens = at::empty({rows}, at::kLong);
  for (int64_t row = 0; row < rows; ++row) {
    tokens.mutable_data_ptr<int64_t>()[row] = kernels::argmax_row(logits.const_data_ptr<float>() + row * width, width);
  }
  return tokens;
}

std::vector<std::vector<int64_t>> generate_by(const Stepper& model, const std::vector<int64_t>& prompt,
                                              const GenerateOptions& options, const TokenCallback& on_tokens) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(options.seed);
  const auto length = static_cast<int64_t>(prompt.size());
  KvCache prefix = model.make_cache(1, length);
  at::Tensor logits = model.prefill(prompt, prefix).expand({options.num_samples, -1});
  KvCache cache = prefix.repeat(options.num_samples, length + options.max_tokens);

  std::vector<std::vector<int64_t>> samples(static_cast<size_t>(options.num_samples));
  std::vector<bool> ended(samples.size(), false);
  for (int64_t i = 0; i < options.max_tokens; ++i) {
    const at::Tensor next = sample(logits, options.sampling, generator);
    std::vector<int64_t> column(next.const_data_ptr<int64_t>(), next.const_data_ptr<int64_t>() + next.numel());
    for (size_t row = 0; row < samples.size(); ++row) {
      ended[row] = ended[row] || std::ranges::count(options.stop_tokens, column[row]) > 0;
      if (ended[row]) {
        column[row] = -1;
      } else {
        samples[row].push_back(column[row]);
      }
    }
    if (std::ranges::all_of(ended, [](bool is) { return is; })) break;
    if (on_tokens) on_tokens(column);
    if (i + 1 < options.max_tokens) logits = model.step(next, cache);
  }
  return samples;
}

}  // namespace

at::Tensor sample(const at::Tensor& logits, const SamplingOptions& options, at::Generator& generator) {
  const at::NoGradGuard no_grad;
  if (options.temperature < 0) {
    throw Error(ErrorKind::usage, "temperature=" + std::to_string(options.temperature) + " is negative", "",
                "use 0 for the likeliest token");
  }
  if (options.top_k < 0) {
    throw Error(ErrorKind::usage, "top_k=" + std::to_string(options.top_k) + " is negative", "",
                "use 0 for all tokens");
  }
  if (options.temperature == 0) return likeliest(logits);
  const auto draw = [&](const at::Tensor& scores) {
    return at::multinomial(at::softmax(scores / options.temperature, -1), 1, false, generator);
  };
  if (options.top_k == 0) return draw(logits).squeeze(1);
  const auto [values, tokens] = at::topk(logits, std::min(options.top_k, logits.size(-1)), -1);
  return tokens.gather(1, draw(values)).squeeze(1);
}

std::vector<std::vector<int64_t>> generate(const Gpt& model, const std::vector<int64_t>& prompt,
                                           const GenerateOptions& options, const TokenCallback& on_tokens) {
  check_options(model, prompt, options);
  const auto decoder = options.decoder ? options.decoder : make_decoder(model, options.decode_dtype);
  return generate_by(decoder ? stepper_of(*decoder) : stepper_of(model), prompt, options, on_tokens);
}

}  // namespace tern::gpt
