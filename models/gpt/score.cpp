#include "models/gpt/score.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "models/gpt/loss.h"

namespace tern::gpt {

namespace {

// [rows, longest]; what stands behind a text doesn't change the hidden states inside it.
at::Tensor pad(const std::vector<Span>& spans) {
  size_t longest = 0;
  for (const Span& span : spans) longest = std::max(longest, span.tokens.size());
  at::Tensor tokens = at::zeros({static_cast<int64_t>(spans.size()), static_cast<int64_t>(longest)}, at::kLong);
  for (size_t row = 0; row < spans.size(); ++row) {
    std::ranges::copy(spans[row].tokens, tokens.mutable_data_ptr<int64_t>() + row * longest);
  }
  return tokens;
}

}  // namespace

std::vector<SpanScore> score_spans(const Gpt& model, const std::vector<Span>& spans) {
  const at::NoGradGuard no_grad;
  for (const Span& span : spans) check_tokens(model.config(), span.tokens);
  const at::Tensor tokens = pad(spans).to(model.device()), hidden = model.hidden(tokens);
  // Only the places whose next token is scored go through the output projection.
  std::vector<at::Tensor> places, targets;
  for (size_t row = 0; row < spans.size(); ++row) {
    const auto [text, first, last] = spans[row];
    TERN_CHECK(first >= 1 && first <= last && last <= static_cast<int64_t>(text.size()), "a span inside its text");
    const auto index = static_cast<int64_t>(row);
    places.push_back(hidden.select(0, index).narrow(0, first - 1, last - first));
    targets.push_back(tokens.select(0, index).narrow(0, first, last - first));
  }
  const at::Tensor target = at::cat(targets).unsqueeze(0);
  const Loss loss = token_loss(model, at::cat(places).unsqueeze(0), target);
  const at::Tensor per_token = loss.per_token.cpu(), hit = loss.likeliest.eq(target).cpu();

  std::vector<SpanScore> scores;
  int64_t at = 0;
  for (const Span& span : spans) {
    const int64_t count = span.last - span.first;
    SpanScore score{.mean_loss = std::numeric_limits<double>::infinity(), .greedy = true};
    if (count > 0) {
      score.mean_loss = per_token[0].narrow(0, at, count).mean().item<double>();
      score.greedy = hit[0].narrow(0, at, count).all().item<bool>();
    }
    scores.push_back(score);
    at += count;
  }
  return scores;
}

}  // namespace tern::gpt
