// How likely a model finds parts of texts: what multiple-choice and completion tasks ask.
#pragma once

#include <cstdint>
#include <vector>

#include "models/gpt/gpt.h"

namespace tern::gpt {

// Tokens first to last - 1 of a text are scored given all before them; first is at least 1.
struct Span {
  std::vector<int64_t> tokens;
  int64_t first = 1;
  int64_t last = 1;
};

struct SpanScore {
  double mean_loss = 0;  // nats per token; infinite for an empty span, which can't be told from any other
  bool greedy = true;    // each token is the likeliest one at its place
};

// Texts of different lengths are padded to the longest and computed together. Errors as Gpt::hidden.
[[nodiscard]] std::vector<SpanScore> score_spans(const Gpt& model, const std::vector<Span>& spans);

}  // namespace tern::gpt
