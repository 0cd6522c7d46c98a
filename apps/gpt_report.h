// The section on pretraining of the pipeline's report.
#pragma once

#include <cstdint>
#include <filesystem>

#include "apps/gpt_train_config.h"
#include "engine/monitor/stage_report.h"

namespace tern {

// All options, what followed from them, and what came of it, as nanochat reports it. metrics: the run's metrics.jsonl,
// which has the steps of all processes that trained in turn. As in nanochat the first eleven steps, which warm up,
// don't count for the time, and MFU is the last step's.
[[nodiscard]] ReportSection base_training_section(const GptJob& job, const GptPlan& plan, int64_t world_size,
                                                  const std::filesystem::path& metrics);

}  // namespace tern
