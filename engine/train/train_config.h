// What a training run is told: upstream's cfg_pretrain.yaml keys with their defaults, and Tern's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern {

struct EvaluatorConfig {
  std::string name;  // arc@ARC
  int64_t submission_K = 2;
  std::vector<int64_t> pass_Ks = {1, 2, 5, 10, 100, 1000};
  bool aggregated_voting = true;
};

struct TrainConfig {
  // Data.
  std::vector<std::string> data_paths = {"data/arc-aug-1000"};
  std::vector<std::string> data_paths_test;  // empty: data_paths
  std::vector<EvaluatorConfig> evaluators = {{.name = "arc@ARC"}};

  // Hyperparameters.
  int64_t global_batch_size = 768;
  int64_t epochs = 100000;
  std::optional<int64_t> eval_interval = 10000;  // epochs; null: once, at the end
  int64_t min_eval_interval = 0;                 // evaluations before this iteration are skipped
  bool checkpoint_every_eval = true;
  std::vector<std::string> eval_save_outputs;
  double lr = 1e-4;
  double lr_min_ratio = 1.0;
  double lr_warmup_steps = 2000;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double weight_decay = 0.1;
  double puzzle_emb_lr = 1e-2;
  double puzzle_emb_weight_decay = 0.1;
  int64_t seed = 0;
  bool ema = false;
  double ema_rate = 0.999;
  bool freeze_weights = false;  // train the puzzle embedding only

  // Names and places.
  std::optional<std::string> project_name;     // null: "<Data folder>-ACT-torch", as upstream
  std::optional<std::string> run_name;         // null: "<architecture class> <two words>"
  std::optional<std::string> load_checkpoint;  // a Tern folder, a .safetensors file or an upstream torch.save file
  std::optional<std::string> checkpoint_path;  // run folder; null: runs/<project_name>/<run_name>

  // Tern's own.
  std::string resume = "auto";             // auto, never, or the path of a checkpoint folder
  int64_t keep_checkpoints = 3;            // newest ones kept, beside the best; 0: all
  std::string best_metric;                 // e.g. ARC/pass@2 or all/exact_accuracy; empty: no best is kept
  int64_t early_stop = 0;                  // evaluations without a better best_metric before stopping; 0: off
  int64_t checkpoint_interval = 0;         // steps between checkpoints; 0: only after evaluations and at the end
  double time_limit = 0;                   // seconds; then a checkpoint is written and the run ends; 0: none
  int64_t log_interval = 1;                // steps between log lines
  bool save_carry = true;                  // false: resumed runs start their puzzles afresh
  std::string on_nan = "stop";             // stop, skip, rollback
  std::string device = "auto";             // auto, cpu, cuda
  std::string attention_backend = "auto";  // auto, fused, flash, cudnn, math
  bool deterministic = true;               // on GPUs: the same bits in every run
  bool fast_atan2 = false;                 // AdamATan2 on the CPU: less time, without upstream's bits
  int64_t threads = 0;                     // CPU threads; 0: all cores
};

}  // namespace tern
