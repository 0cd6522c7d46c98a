// The front end of the TRM programs: from the command line to the jobs it describes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "engine/config/schema.h"
#include "engine/train/train_config.h"
#include "models/trm/config.h"

namespace tern {

// One run, checked and complete: project_name, run_name and checkpoint_path are set.
struct TrmJob {
  TrainConfig train;
  trm::TrmConfig arch;        // but for what comes from the dataset (batch_size, seq_len, vocab_size, ...)
  std::string arch_name;      // upstream's class name
  std::string resolved_yaml;  // every key with its value, without interpolations; starts the same run again when read
                              // with --config-dir and --config-name
  std::string sweep;          // "lr=0.001,seed=2" for a job of --multirun, else empty
};

struct TrmCommandLine {
  std::optional<std::string> answer;  // of --help, --version and --cfg: print it on stdout and exit 0
  std::vector<TrmJob> jobs;           // one, or several of --multirun, to be run in this order
};

// Throws Error(usage) naming key, place and remedy. Runs without a name are named by `seed`, avoiding folders that
// exist; ranks of one distributed run have to be given the same seed. Jobs of a sweep that would share a run folder
// get their index behind the name: x-0, x-1 (or <checkpoint_path>/0, /1 where checkpoint_path is given).
[[nodiscard]] TrmCommandLine parse_trm_command_line(int argc, const char* const* argv, const ProgramText& program,
                                                    std::optional<uint64_t> seed = std::nullopt);

// The job that a manifest's config_yaml describes (the shipped configuration where it is empty), changed by overrides.
// Names and checkpoint_path stay as they are. Throws as parse_trm_command_line does.
[[nodiscard]] TrmJob parse_trm_job(const std::string& config_yaml, const std::vector<std::string>& overrides);

// The job that a composed and resolved configuration describes, checked but not yet named. Throws as
// parse_trm_command_line does.
[[nodiscard]] TrmJob read_trm_job(const config::Node& resolved);

// The option table of TrmConfig; its keys stand below `arch.`.
[[nodiscard]] const config::Schema<trm::TrmConfig>& trm_schema();

// Throws Error(usage) where the values don't fit together. `source` is the configuration they were read from, to say
// where each was written.
void check_trm_config(const trm::TrmConfig& config, const config::Node* source = nullptr);

}  // namespace tern
