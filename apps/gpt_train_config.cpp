#include "apps/gpt_train_config.h"

#include <vector>

#include "apps/command_line.h"
#include "apps/shipped_configs.h"
#include "base/error.h"
#include "base/version.h"
#include "engine/config/compose.h"
#include "engine/config/flags.h"
#include "engine/config/interpolate.h"
#include "engine/config/sweep.h"
#include "engine/config/yaml_write.h"
#include "engine/optim/scaling_rules.h"
#include "engine/train/compute_options.h"
#include "models/gpt/shape.h"

namespace tern {

namespace {

using config::Node;

const ProgramText kProgram = {
    .name = "gpt_train",
    .summary = "Pretrains a GPT as nanochat's base_train does. Options may be written as flags: --depth=4 is depth=4.",
    .example =
        "gpt_train --depth=4 --max-seq-len=1024 --device-batch-size=1 --total-batch-size=1024 "
        "--num-iterations=50",
    .config_name = "gpt_train",
};

std::vector<std::string> known_keys() {
  std::vector<std::string> keys = gpt_train_schema().keys();
  const std::vector<std::string> more = gpt_keys();
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

std::string help() {
  return flag_help(kProgram) + "\n" + config::help_text(gpt_train_schema().options()) + "\n" +
         config::help_text(gpt_schema().options(), "gpt") + "\n" +
         config::help_text(gpt_optimizer_schema().options(), "gpt.optimizer") + "\n" +
         config::help_text(gpt_loader_schema().options(), "gpt.loader");
}

}  // namespace

const config::Schema<GptTrainConfig>& gpt_train_schema() {
  using C = GptTrainConfig;
  static const config::Schema<C> schema = [] {
    config::Schema<C> table("gpt_train");
    table.section("Model");
    table.option("depth", &C::depth, "layers; width and heads follow").at_least(1).at_most(1000);
    table.option("aspect_ratio", &C::aspect_ratio, "width = depth * aspect_ratio, rounded up to head_dim").at_least(1);
    table.option("head_dim", &C::head_dim, "width of an attention head").at_least(2);
    table.option("max_seq_len", &C::max_seq_len, "tokens of context").at_least(2).at_most(1 << 24);
    table.option("window_pattern", &C::window_pattern, "overrides gpt.window_pattern");
    table.section("Horizon (the first that is positive counts)");
    table.option("num_iterations", &C::num_iterations, "steps").at_least(-1);
    table.option("target_flops", &C::target_flops, "floating point operations").at_least(-1);
    table.option("target_param_data_ratio", &C::target_param_data_ratio, "tokens per scaling parameter").at_least(-1);
    table.section("Optimization");
    table.option("device_batch_size", &C::device_batch_size, "rows of a micro-batch").at_least(1);
    table.option("total_batch_size", &C::total_batch_size, "tokens of a step; -1: the best for the horizon")
        .at_least(-1);
    table.option("embedding_lr", &C::embedding_lr, "learning rate of the embeddings (AdamW)").at_least(0);
    table.option("unembedding_lr", &C::unembedding_lr, "of lm_head (AdamW)").at_least(0);
    table.option("matrix_lr", &C::matrix_lr, "of the matrices (Muon)").at_least(0);
    table.option("scalar_lr", &C::scalar_lr, "of the lambdas (AdamW)").at_least(0);
    table.option("weight_decay", &C::weight_decay, "cautious, of the matrices").at_least(0);
    table.option("warmup_steps", &C::warmup_steps, "of the learning rates").at_least(0);
    table.option("warmdown_ratio", &C::warmdown_ratio, "part of the steps with falling learning rates")
        .at_least(0)
        .at_most(1);
    table.option("final_lr_frac", &C::final_lr_frac, "what they fall to").at_least(0);
    table.option("grad_clip", &C::grad_clip, "norm that all gradients together are scaled down to; 0: none")
        .at_least(0);
    table
        .option("weight_decay_of", &C::weight_decay_of,
                "what weight_decay is for: Muon's matrices or AdamW's embeddings")
        .one_of({"matrices", "embeddings"});
    table.option("scale_rates", &C::scale_rates, "learning rates and weight decay follow batch size and horizon");
    table.option("data_ratio_of", &C::data_ratio_of, "parameters that target_param_data_ratio counts: scaling or all")
        .one_of({"scaling", "all"});
    table.section("Evaluation (steps between; -1: never)");
    table.option("eval_every", &C::eval_every, "bits per byte on the validation split").at_least(-1);
    table.option("eval_tokens", &C::eval_tokens, "tokens for that").at_least(1);
    table.option("core_metric_every", &C::core_metric_every, "CORE metric").at_least(-1);
    table.option("core_metric_max_per_task", &C::core_metric_max_per_task, "examples per task; -1: all").at_least(-1);
    table.option("sample_every", &C::sample_every, "samples from fixed prompts").at_least(-1);
    table.section("Output");
    table.option("run", &C::run, "name of the run in the report; dummy: the model tag").not_empty();
    table.option("model_tag", &C::model_tag, "folder in models; null: d<depth>");
    table.option("save_every", &C::save_every, "steps between checkpoints; -1: only at the end").at_least(-1);
    table.option("resume_from_step", &C::resume_from_step, "go on from this step's checkpoint").at_least(-1);
    table.section("Tern's own");
    table.option("data", &C::data, "a text or JSONL file in place of the shards of base_data");
    table.option("init_from", &C::init_from,
                 "a checkpoint folder of nanochat: go on from its last step, or that of resume_from_step");
    table.option("resume", &C::resume, "auto: go on from the newest checkpoint").one_of({"never", "auto"});
    table.option("seed", &C::seed, "of the initial weights").at_least(0);
    table.option("threads", &C::threads, "CPU threads; 0: all cores").at_least(0).at_most(4096);
    table.option("log_interval", &C::log_interval, "steps between log lines").at_least(1);
    add_device_option(table, &C::device);
    table.option("device_type", &C::device_type, "nanochat's name of device; empty: device counts")
        .one_of({"", "cpu", "cuda"});
    add_attention_options(table, &C::attention_backend, &C::deterministic);
    table
        .option("peak_flops", &C::peak_flops,
                "of the device, per second, for MFU; 0: from a table of GPUs, else no MFU")
        .at_least(0);
    table.option("on_nan", &C::on_nan, "when a loss or gradient isn't finite").one_of({"stop", "skip", "rollback"});
    table.option("time_limit", &C::time_limit, "seconds, then a checkpoint is written; 0: none").at_least(0);
    return table;
  }();
  return schema;
}

GptJob read_gpt_job(const Node& resolved) {
  config::refuse_unknown_keys(resolved, known_keys());
  GptJob job;
  job.train = gpt_train_schema().read(resolved);
  if (const Node* gpt = resolved.find("gpt")) job.parts = read_gpt_parts(*gpt);
  Node all = gpt_train_schema().dump(job.train);
  all.set("gpt", dump_gpt_parts(job.parts));
  job.resolved_yaml = config::write_yaml(all);
  return job;
}

gpt::GptConfig model_config(const GptJob& job, int64_t vocab_size) {
  gpt::GptConfig base = job.parts.model;
  base.vocab_size = vocab_size;
  base.sequence_len = job.train.max_seq_len;
  if (base.forward_dtype == "auto") base.forward_dtype = "float32";  // a GPU's program has said so before
  if (job.train.window_pattern) base.window_pattern = *job.train.window_pattern;
  return gpt::with_depth(base, job.train.depth, job.train.aspect_ratio, job.train.head_dim);
}

GptPlan make_gpt_plan(const GptJob& job, int64_t vocab_size, int64_t world_size) {
  const GptTrainConfig& config = job.train;
  GptPlan plan;
  plan.model = model_config(job, vocab_size);
  const auto counted = [&](int64_t depth) {
    const gpt::ParameterCounts counts =
        gpt::count_parameters(gpt::with_depth(plan.model, depth, config.aspect_ratio, config.head_dim));
    return config.data_ratio_of == "all" ? counts.total() : counts.scaling();
  };
  gpt::check_config(plan.model);
  plan.flops_per_token = gpt::flops_per_token(plan.model);
  const auto tokens = static_cast<double>(target_tokens(config.target_param_data_ratio, counted(config.depth)));
  const double reference_tokens = config.target_param_data_ratio * static_cast<double>(counted(kReferenceDepth));
  if (config.total_batch_size < 1 && config.target_param_data_ratio <= 0) {
    throw Error(ErrorKind::usage, "the best batch size follows from target_param_data_ratio, which is off",
                "in the configuration", "give total_batch_size");
  }

  GptTaskOptions& task = plan.task;
  task.device_batch_size = config.device_batch_size;
  task.total_batch_size =
      config.total_batch_size > 0 ? config.total_batch_size : best_batch_size(tokens, reference_tokens);
  (void)accumulation_steps(task, config.max_seq_len, world_size);  // an early error
  task.num_iterations =
      training_iterations({config.num_iterations, config.target_flops, config.target_param_data_ratio},
                          plan.flops_per_token, counted(config.depth), task.total_batch_size);
  task.eval_every = config.eval_every;
  task.eval_tokens = config.eval_tokens;
  task.core_metric_every = config.core_metric_every;
  task.core_metric_max_per_task = config.core_metric_max_per_task;
  task.sample_every = config.sample_every;
  task.flops_per_token = plan.flops_per_token;
  task.peak_flops = config.peak_flops;
  task.attention_backend = config.attention_backend;
  task.packing = text::parse_packing(job.parts.loader.packing);

  const double scale = config.scale_rates ? batch_lr_scale(task.total_batch_size) : 1;
  plan.rates = {.embedding_lr = config.embedding_lr * scale,
                .unembedding_lr = config.unembedding_lr * scale,
                .matrix_lr = config.matrix_lr * scale,
                .scalar_lr = config.scalar_lr * scale};
  double weight_decay = config.weight_decay;
  if (config.scale_rates && config.target_param_data_ratio > 0) {
    weight_decay = scaled_weight_decay(weight_decay, task.total_batch_size, tokens, reference_tokens);
  }
  plan.optimizer = job.parts.optimizer;
  plan.schedule.num_iterations = task.num_iterations;
  plan.schedule.warmup_steps = config.warmup_steps;
  plan.schedule.warmdown_ratio = config.warmdown_ratio;
  plan.schedule.final_lr_frac = config.final_lr_frac;
  plan.schedule.momentum_peak = plan.optimizer.momentum_peak;
  plan.schedule.momentum_end = plan.optimizer.momentum_end;
  plan.schedule.momentum_steps = plan.optimizer.momentum_steps;
  plan.schedule.grad_clip = config.grad_clip;
  plan.schedule.clip_before_mean = plan.optimizer.grad_clip_of == "process";
  if (config.weight_decay_of == "matrices") {
    plan.schedule.weight_decay = weight_decay;
  } else {
    plan.optimizer.unembedding_weight_decay = plan.optimizer.embedding_weight_decay = weight_decay;
  }
  return plan;
}

TrainConfig loop_config(const GptTrainConfig& config, const std::string& run_dir) {
  TrainConfig loop;
  loop.run_name = config.run == "dummy" ? model_tag(config) : config.run;
  loop.checkpoint_path = run_dir;
  loop.lr = 1;  // the optimizer has rates and schedules of its own
  loop.lr_warmup_steps = 0;
  loop.lr_min_ratio = 1;
  loop.checkpoint_every_eval = false;
  loop.checkpoint_interval = config.save_every > 0 ? config.save_every : 0;
  loop.keep_checkpoints = 0;
  loop.resume = config.resume;
  if (config.resume_from_step >= 0) loop.resume = run_dir + "/step_" + std::to_string(config.resume_from_step);
  loop.log_interval = config.log_interval;
  loop.on_nan = config.on_nan;
  loop.time_limit = config.time_limit;
  return loop;
}

std::string model_tag(const GptTrainConfig& config) {
  return config.model_tag ? *config.model_tag : "d" + std::to_string(config.depth);
}

GptCommandLine parse_gpt_command_line(int argc, const char* const* argv) {
  const CommandLine line = parse_command_line(argc, argv, kProgram);
  if (line.help) return {help(), {}};
  if (line.version) return {kProgram.name + " " TERN_VERSION "\n", {}};
  if (line.multirun) {
    throw Error(ErrorKind::usage, "gpt_train has no --multirun", "command line", "start it once per configuration");
  }
  config::ConfigTree tree;
  if (!line.config_dir.empty()) tree.add_folder(line.config_dir);
  tree.add_embedded(shipped_configs());
  std::vector<config::Override> overrides;
  for (const std::string& argument : config::flags_to_overrides(line.arguments, gpt_train_schema().options())) {
    overrides.push_back(config::parse_override(argument, static_cast<int>(overrides.size()) + 1));
  }
  config::refuse_sweeps(overrides);
  const Node composed = config::compose(tree, {line.config_name, overrides, known_keys()}).config;
  const Node resolved = config::resolve(composed, {});
  GptCommandLine result;
  result.job = read_gpt_job(resolved);
  if (line.print_config) result.answer = config::write_yaml(line.resolve ? resolved : composed);
  return result;
}

}  // namespace tern
