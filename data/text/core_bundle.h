// The CORE benchmark (Li et al. 2024, DCLM, arXiv 2406.11794) as a folder: core.yaml names the tasks, eval_data/ has
// their examples as JSONL, eval_meta_data.csv each task's accuracy of guessing. What nanochat downloads, unpacked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tern::text {

enum class CoreTaskKind {
  multiple_choice,    // query, choices, gold: which choice is likeliest after the query
  schema,             // context_options, continuation, gold: after which context the continuation is likeliest
  language_modeling,  // context, continuation: whether the model writes it
};

struct CoreExample {
  std::string context;               // the query, or the context of language modelling
  std::vector<std::string> options;  // choices, or context options
  std::string continuation;          // of schema and language modelling
  size_t gold = 0;                   // index into options
};

struct CoreTask {
  std::string label;
  CoreTaskKind kind = CoreTaskKind::multiple_choice;
  size_t num_fewshot = 0;                    // examples before the question
  std::string continuation_delimiter = " ";  // between context and answer
  double random_baseline = 0;                // of guessing, in percent
  std::vector<CoreExample> examples;         // in nanochat's shuffled order

  // Accuracy (0 to 1) on a scale where guessing is 0 and all right is 1.
  [[nodiscard]] double centered(double accuracy) const {
    return (accuracy - 0.01 * random_baseline) / (1 - 0.01 * random_baseline);
  }
};

// All tasks in the order of core.yaml. max_per_task: examples kept of each, the first of the shuffled ones; 0 or less:
// all. Throws Error(data) naming file and line for a file that is missing or isn't as described, a task without a
// baseline, or one with fewer examples than its few-shot prompts need.
[[nodiscard]] std::vector<CoreTask> read_core_bundle(const std::filesystem::path& folder, int64_t max_per_task);

}  // namespace tern::text
