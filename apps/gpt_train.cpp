// Pretrains a GPT: `gpt_train --depth=20`. Data, tokenizer and models lie in the base folder (TERN_BASE_DIR).
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "apps/device.h"
#include "apps/gpt_documents.h"
#include "apps/gpt_import.h"
#include "apps/gpt_report.h"
#include "apps/gpt_train_config.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/text/base_dir.h"
#include "engine/distributed/process_group.h"
#include "engine/monitor/peak_flops.h"
#include "engine/optim/pretraining_optimizer.h"
#include "engine/train/stop_signal.h"
#include "engine/train/train_options.h"
#include "engine/train/trainer.h"
#include "models/gpt/shape.h"

namespace tern {
namespace {

constexpr const char* kStopNotice =
    "stopping: this step is finished and a checkpoint written; Ctrl-C once more stops at once, without one";

// The device, and what the configuration leaves to it.
at::Device prepare_device(GptJob& job, const ProcessEnvironment& environment) {
  const std::string& type = job.train.device_type;
  const at::Device device = choose_device(type.empty() ? job.train.device : type, environment.local_rank);
  if (job.parts.model.forward_dtype == "auto") job.parts.model.forward_dtype = activation_dtype(device);
  if (job.train.deterministic) make_deterministic(device);
  if (job.train.peak_flops == 0) job.train.peak_flops = peak_flops(device_name(device));
  return device;
}

int train(const GptJob& job, at::Device device, ProcessGroup& group) {
  prepare_cpu(job.train.threads);
  group.require_same(job.resolved_yaml, "configuration");
  const std::filesystem::path base = text::base_dir();
  const text::Tokenizer tokenizer = text::Tokenizer::read(text::tokenizer_path(base));
  GptPlan plan = make_gpt_plan(job, static_cast<int64_t>(tokenizer.vocab_size()), group.world_size());
  plan.task.eval_bundle = base / "eval_bundle";
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(job.train.seed));
  gpt::Gpt model(plan.model, generator, device);
  const auto make_optimizer = [&] {
    const GptGroups groups = gpt_groups(model, plan.rates, plan.optimizer);
    const Shard shard{group.rank(), group.world_size()};
    return std::make_unique<PretrainingOptimizer>(MuonAdamW(groups.adamw, groups.muon, shard), plan.schedule, &group);
  };
  GptTask task(model, tokenizer, document_opener(job.train.data), plan.task, make_optimizer, &group);
  const std::string run_dir = (base / "models" / model_tag(job.train)).string();
  if (group.leads()) {
    fmt::print(stderr, "{}: {} parameters, {} steps of {} tokens, {:.3e} FLOPs, run folder {}\n", model_tag(job.train),
               gpt::count_parameters(plan.model).total(), plan.task.num_iterations, plan.task.total_batch_size,
               plan.flops_per_token * static_cast<double>(plan.task.total_batch_size * plan.task.num_iterations),
               run_dir);
  }
  TrainConfig loop = loop_config(job.train, run_dir);
  const std::string imported =
      group.broadcast_text(group.leads() ? import_from_nanochat(job, plan, run_dir).value_or("").string() : "");
  if (!imported.empty()) loop.resume = imported;
  Trainer trainer(loop, {plan.task.num_iterations, task.total_iterations()}, task, job.resolved_yaml, &group);
  const TrainOutcome outcome = trainer.run();
  if (outcome == TrainOutcome::finished && group.leads()) {
    const std::string metrics = run_dir + "/metrics.jsonl";
    write_report_section(base / "report", base_training_section(job, plan, group.world_size(), metrics));
  }
  return outcome == TrainOutcome::stopped_by_signal ? stop_exit_code(stop_signal()) : 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  return tern::run_program([&] {
    tern::GptCommandLine command_line = tern::parse_gpt_command_line(argc, argv);
    if (command_line.answer) {
      fmt::print("{}", *command_line.answer);
      return 0;
    }
    const tern::ProcessEnvironment environment = tern::read_process_environment();
    const at::Device device = tern::prepare_device(command_line.job, environment);
    tern::ProcessGroup group(environment, device);
    tern::install_stop_signals(group.leads() ? tern::kStopNotice : nullptr);
    return group.run([&] { return tern::train(command_line.job, device, group); });
  });
}
