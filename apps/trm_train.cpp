// Trains a Tiny Recursive Model: `trm_train arch=trm data_paths="[data/arc1]" epochs=100000 ...`.
#include <fmt/format.h>

#include "apps/device.h"
#include "apps/program.h"
#include "apps/trm_config.h"
#include "apps/trm_task.h"
#include "base/error.h"
#include "engine/distributed/environment.h"
#include "engine/train/stop_signal.h"
#include "engine/train/train_options.h"
#include "engine/train/trainer.h"

namespace {

const tern::ProgramText kProgram = {
    .name = "trm_train",
    .summary = "Trains a Tiny Recursive Model on a puzzle dataset.",
    .example =
        "trm_train arch=trm data_paths=\"[data/arc1]\" arch.L_layers=2 arch.H_cycles=3 arch.L_cycles=4 "
        "+run_name=first ema=True",
};

constexpr const char* kStopNotice =
    "stopping: this step is finished and a checkpoint written; Ctrl-C once more stops at once, without one";

void check_processes(const tern::TrainConfig& config) {
  const int world_size = tern::read_process_environment().world_size;
  tern::check_world_size(config, world_size);
  if (world_size > 1) {
    throw tern::Error(tern::ErrorKind::distributed, "training over several processes is not part of this version",
                      "WORLD_SIZE=" + std::to_string(world_size), "start one process");
  }
}

// Exit code of a job: 0, or that of the signal which stopped it.
int train(const tern::TrmJob& job) {
  tern::prepare_cpu(job.train.threads);
  const at::Device device = tern::choose_device(job.train.device);
  if (job.train.deterministic) tern::make_deterministic(device);
  tern::TrmTask task(job, device);
  const tern::TrainPlan plan = task.plan();
  fmt::print(stderr, "{}: {} parameters, {} steps, run folder {}\n", job.train.run_name.value_or(""), task.num_params(),
             plan.total_steps, job.train.checkpoint_path.value_or(""));
  tern::Trainer trainer(job.train, plan, task, job.resolved_yaml);
  const auto outcome = trainer.run();
  return outcome == tern::TrainOutcome::stopped_by_signal ? tern::stop_exit_code(tern::stop_signal()) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] {
    const tern::TrmCommandLine command_line = tern::parse_trm_command_line(argc, argv, kProgram);
    if (command_line.answer) {
      fmt::print("{}", *command_line.answer);
      return 0;
    }
    tern::install_stop_signals(kStopNotice);
    for (const tern::TrmJob& job : command_line.jobs) {
      check_processes(job.train);
      if (const int code = train(job); code != 0) return code;
    }
    return 0;
  });
}
