#include "apps/gpt_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "engine/config/yaml_write.h"
#include "engine/monitor/machine.h"
#include "engine/monitor/metrics_log.h"
#include "models/gpt/shape.h"

namespace tern {

namespace {

constexpr int64_t kWarmUpSteps = 11;

// What metrics.jsonl tells.
struct Outcome {
  std::optional<double> min_bpb, last_bpb, core;
  double seconds = 0;       // of the steps after the warm-up
  double last_seconds = 0;  // of the last step
  int64_t steps = 0;

  void operator()(const StepReport& step) {
    steps = step.step;
    last_seconds = step.seconds;
    if (step.step > kWarmUpSteps) seconds += step.seconds;
  }

  void operator()(const EvalReport& eval) {
    for (const auto& [name, value] : eval.metrics) {
      if (name == "core/metric") core = value;
      if (name != "val/bpb") continue;
      last_bpb = value;
      min_bpb = std::min(min_bpb.value_or(value), value);
    }
  }
};

Outcome read_outcome(const std::filesystem::path& metrics) {
  Outcome outcome;
  read_metrics(metrics, [&](const MetricsRow& row) { std::visit(outcome, row); });
  return outcome;
}

// Every option with its value, as the configuration has it.
ReportFacts option_facts(const GptTrainConfig& train) {
  ReportFacts facts;
  std::istringstream lines(config::write_yaml(gpt_train_schema().dump(train)));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) facts.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return facts;
}

ReportFacts plan_facts(const GptPlan& plan, int64_t world_size) {
  const gpt::ParameterCounts counts = gpt::count_parameters(plan.model);
  const int64_t tokens = plan.task.total_batch_size * plan.task.num_iterations;
  return {{"Number of parameters", counts.total()},
          {"Number of FLOPs per token", fmt::format("{:e}", plan.flops_per_token)},
          {"Calculated number of iterations", plan.task.num_iterations},
          {"Number of training tokens", tokens},
          {"Tokens : Scaling params ratio", static_cast<double>(tokens) / static_cast<double>(counts.scaling())},
          {"DDP world size", world_size},
          {"warmup_steps", plan.schedule.warmup_steps},
          {"warmdown_ratio", plan.schedule.warmdown_ratio},
          {"final_lr_frac", plan.schedule.final_lr_frac}};
}

ReportFacts outcome_facts(const GptPlan& plan, int64_t world_size, const Outcome& outcome) {
  const auto step_flops = plan.flops_per_token * static_cast<double>(plan.task.total_batch_size);
  const double peak = plan.task.peak_flops * static_cast<double>(world_size);
  ReportFacts facts;
  if (outcome.min_bpb) {
    facts.emplace_back("Minimum validation bpb", *outcome.min_bpb);
    facts.emplace_back("Final validation bpb", *outcome.last_bpb);
  }
  if (outcome.core) facts.emplace_back("CORE metric estimate", *outcome.core);
  if (peak > 0 && outcome.last_seconds > 0) {
    facts.emplace_back("MFU %", fmt::format("{:.2f}%", 100 * step_flops / outcome.last_seconds / peak));
  }
  facts.emplace_back("Total training flops", fmt::format("{:e}", step_flops * static_cast<double>(outcome.steps)));
  facts.emplace_back("Total training time", fmt::format("{:.2f}m", outcome.seconds / 60));
  facts.emplace_back("Peak memory usage",
                     fmt::format("{:.2f}MiB", static_cast<double>(peak_resident_bytes()) / 1024 / 1024));
  return facts;
}

}  // namespace

ReportSection base_training_section(const GptJob& job, const GptPlan& plan, int64_t world_size,
                                    const std::filesystem::path& metrics) {
  return {
      "Base model training",
      {option_facts(job.train), plan_facts(plan, world_size), outcome_facts(plan, world_size, read_outcome(metrics))}};
}

}  // namespace tern
