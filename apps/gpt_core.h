// The CORE metric of a GPT.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/text/core_bundle.h"
#include "data/text/encoder.h"
#include "data/text/tokenizer.h"
#include "engine/distributed/process_group.h"
#include "models/gpt/gpt.h"

namespace tern {

struct CoreTaskResult {
  std::string label;
  double accuracy = 0;
  double centered = 0;  // 0: as good as guessing, 1: all right
};

struct CoreResult {
  std::vector<CoreTaskResult> tasks;
  double core_metric = 0;  // mean of the centred accuracies
};

// Whether the model answers one example rightly: of the options the one with the smallest mean loss (the first of
// equals), or, in language modelling, every token of the continuation the likeliest.
[[nodiscard]] bool answers_rightly(const gpt::Gpt& model, const text::CoreTask& task, size_t index,
                                   text::Encoder& encoder);

// on_task is called after each task. Several processes share out the examples; each has the whole result.
[[nodiscard]] CoreResult evaluate_core(const gpt::Gpt& model, const text::Tokenizer& tokenizer,
                                       const std::vector<text::CoreTask>& tasks,
                                       const std::function<void(const CoreTaskResult&)>& on_task = {},
                                       ProcessGroup* group = nullptr);

// The table that nanochat writes as base_eval/MODEL.csv.
[[nodiscard]] std::string core_csv(const CoreResult& result);

}  // namespace tern
