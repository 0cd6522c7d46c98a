// What gpt_train is told: nanochat's base_train flags by their names, defaults and meaning, and the group gpt.
#pragma once

#include <optional>
#include <string>

#include "apps/gpt_options.h"
#include "apps/gpt_task.h"
#include "engine/optim/pretraining_schedule.h"
#include "engine/train/train_config.h"

namespace tern {

struct GptTrainConfig {
  std::string run = "dummy";
  int64_t depth = 20;
  int64_t aspect_ratio = 64;
  int64_t head_dim = 128;
  int64_t max_seq_len = 2048;
  std::optional<std::string> window_pattern;  // null: the one of the group gpt
  int64_t num_iterations = -1;
  double target_flops = -1;
  double target_param_data_ratio = 12;
  int64_t device_batch_size = 32;
  int64_t total_batch_size = -1;
  double embedding_lr = 0.3;
  double unembedding_lr = 0.008;
  double weight_decay = 0.28;
  double matrix_lr = 0.02;
  double scalar_lr = 0.5;
  int64_t warmup_steps = 40;
  double warmdown_ratio = 0.65;
  double final_lr_frac = 0.05;
  double grad_clip = 0;
  std::string weight_decay_of = "matrices";  // or embeddings
  bool scale_rates = true;                   // by batch size and horizon
  std::string data_ratio_of = "scaling";     // or all: the parameters that target_param_data_ratio counts
  int64_t resume_from_step = -1;
  int64_t eval_every = 250;
  int64_t eval_tokens = 80 * 524288;
  int64_t core_metric_every = 2000;
  int64_t core_metric_max_per_task = 500;
  int64_t sample_every = 2000;
  int64_t save_every = -1;
  std::optional<std::string> model_tag;

  // Tern's own.
  std::optional<std::string> data;       // a text or JSONL file in place of shards
  std::optional<std::string> init_from;  // a checkpoint folder of nanochat
  std::string resume = "never";          // auto: from the newest checkpoint of the model tag
  int64_t seed = 42;
  int64_t threads = 0;
  int64_t log_interval = 1;
  std::string device = "auto";
  std::string device_type;  // nanochat's name of device; empty: device says it
  std::string attention_backend = "auto";
  bool deterministic = true;  // on GPUs: the same bits in every run
  double peak_flops = 0;      // per second, of one device; 0: what is known of its GPU
  std::string on_nan = "stop";
  double time_limit = 0;
};

struct GptJob {
  GptTrainConfig train;
  GptParts parts;
  std::string resolved_yaml;
};

// What follows from a job and the size of the tokenizer's vocabulary: pure.
struct GptPlan {
  gpt::GptConfig model;
  GptTaskOptions task;
  GptRates rates;
  GptOptimizerConfig optimizer;
  PretrainingSchedule schedule;
  double flops_per_token = 0;
};

[[nodiscard]] const config::Schema<GptTrainConfig>& gpt_train_schema();

// The model of a job.
[[nodiscard]] gpt::GptConfig model_config(const GptJob& job, int64_t vocab_size);

// Throws Error(usage) where the options contradict each other.
[[nodiscard]] GptPlan make_gpt_plan(const GptJob& job, int64_t vocab_size, int64_t world_size);

// The loop's options; run_dir: where checkpoints go.
[[nodiscard]] TrainConfig loop_config(const GptTrainConfig& config, const std::string& run_dir);

// "d20" unless model_tag says otherwise.
[[nodiscard]] std::string model_tag(const GptTrainConfig& config);

// Out of a whole resolved configuration, such as a checkpoint's. Throws Error(usage) naming key and place.
[[nodiscard]] GptJob read_gpt_job(const config::Node& resolved);

struct GptCommandLine {
  std::optional<std::string> answer;  // of --help, --version or --cfg, to be printed
  GptJob job;
};

// Flags (--depth=20) and overrides (gpt=nanochat_2025_10) alike. Throws Error(usage).
[[nodiscard]] GptCommandLine parse_gpt_command_line(int argc, const char* const* argv);

}  // namespace tern
