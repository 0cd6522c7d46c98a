#include "apps/gpt_core.h"

#include <fmt/format.h>
#include <algorithm>

#include "data/text/core_prompts.h"
#include "models/gpt/score.h"

namespace tern {

bool answers_rightly(const gpt::Gpt& model, const text::CoreTask& task, size_t index, text::Encoder& encoder) {
  std::vector<gpt::Span> spans;
  for (const text::CoreRow& row : text::core_rows(task, index, encoder)) {
    spans.push_back({std::vector<int64_t>(row.tokens.begin(), row.tokens.end()), static_cast<int64_t>(row.first),
                     static_cast<int64_t>(row.last)});
  }
  const std::vector<gpt::SpanScore> scores = gpt::score_spans(model, spans);
  if (task.kind == text::CoreTaskKind::language_modeling) return scores[0].greedy;
  const auto best = std::ranges::min_element(scores, {}, &gpt::SpanScore::mean_loss);
  return static_cast<size_t>(best - scores.begin()) == task.examples[index].gold;
}

CoreResult evaluate_core(const gpt::Gpt& model, const text::Tokenizer& tokenizer,
                         const std::vector<text::CoreTask>& tasks,
                         const std::function<void(const CoreTaskResult&)>& on_task, ProcessGroup* group) {
  const auto [first, stride] = group != nullptr ? std::pair(group->rank(), group->world_size()) : std::pair(0, 1);
  text::Encoder encoder(tokenizer);
  CoreResult result;
  for (const text::CoreTask& task : tasks) {
    double right = 0;
    for (auto i = static_cast<size_t>(first); i < task.examples.size(); i += static_cast<size_t>(stride)) {
      right += answers_rightly(model, task, i, encoder) ? 1 : 0;
    }
    if (group != nullptr) right = group->sum(right);
    const double accuracy = right / static_cast<double>(task.examples.size());
    result.tasks.push_back({task.label, accuracy, task.centered(accuracy)});
    result.core_metric += result.tasks.back().centered / static_cast<double>(tasks.size());
    if (on_task) on_task(result.tasks.back());
  }
  return result;
}

std::string core_csv(const CoreResult& result) {
  std::string csv = fmt::format("{:<35}, {:<10}, {:<10}\n", "Task", "Accuracy", "Centered");
  for (const CoreTaskResult& task : result.tasks) {
    csv += fmt::format("{:<35}, {:<10.6f}, {:<10.6f}\n", task.label, task.accuracy, task.centered);
  }
  return csv + fmt::format("{:<35}, {:<10}, {:<10.6f}\n", "CORE", "", result.core_metric);
}

}  // namespace tern
