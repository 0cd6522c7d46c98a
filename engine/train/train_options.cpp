#include "engine/train/train_options.h"

#include <algorithm>

#include "base/error.h"
#include "engine/train/compute_options.h"

namespace tern {

namespace {

using config::Node;
using config::Schema;

// Evaluators under their upstream class names. A new one is one more word here.
const std::vector<std::string> kEvaluators = {"arc@ARC"};

// What the model's outputs and the batch are called upstream.
const std::vector<std::string> kOutputs = {"inputs", "labels",        "puzzle_identifiers", "logits",
                                           "preds",  "q_halt_logits", "q_continue_logits"};

Schema<EvaluatorConfig> evaluator_schema() {
  using E = EvaluatorConfig;
  Schema<E> schema("evaluator");
  schema.option("name", &E::name, "evaluator class").required().one_of(kEvaluators);
  schema.option("submission_K", &E::submission_K, "answers per test input in submission.json").at_least(1);
  schema.option("pass_Ks", &E::pass_Ks, "numbers of attempts to score").not_empty().at_least(1);
  schema.option("aggregated_voting", &E::aggregated_voting, "vote over all augmentations");
  return schema;
}

void add_data(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Data");
  schema.option("data_paths", &C::data_paths, "dataset folders or .h5 files to train on").not_empty();
  schema.option("data_paths_test", &C::data_paths_test, "datasets to evaluate on; empty: data_paths");
  schema
      .list_of("evaluators", &C::evaluators, evaluator_schema(),
               "what scores an evaluation: name, and optionally submission_K, pass_Ks, aggregated_voting")
      .when_absent(Node(Node::List{}));
}

void add_length(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Length and evaluation");
  schema.option("global_batch_size", &C::global_batch_size, "examples per step, over all ranks").at_least(1);
  schema.option("epochs", &C::epochs, "epochs to train").at_least(1).at_most(1e12);
  schema
      .option("eval_interval", &C::eval_interval,
              "epochs between evaluations, a divisor of epochs; null: once, at the end")
      .at_least(1)
      .when_absent(Node());
  schema
      .option("checkpoint_every_eval", &C::checkpoint_every_eval,
              "write a checkpoint at every evaluation, not only at the end")
      .when_absent(Node(false));
  schema.option("min_eval_interval", &C::min_eval_interval, "how many intervals pass before the first evaluation")
      .at_least(0);
  schema.option("eval_save_outputs", &C::eval_save_outputs, "model outputs to save at evaluations").one_of(kOutputs);
}

void add_optimizer(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Optimizer");
  schema.option("lr", &C::lr, "learning rate").at_least(0);
  schema.option("lr_min_ratio", &C::lr_min_ratio, "where the cosine schedule ends, as a part of lr")
      .at_least(0)
      .at_most(1);
  schema.option("lr_warmup_steps", &C::lr_warmup_steps, "steps over which the rates rise from 0").at_least(0);
  schema.option("beta1", &C::beta1, "decay of the gradient's mean").at_least(0).below(1);
  schema.option("beta2", &C::beta2, "decay of the squared gradient's mean").at_least(0).below(1);
  schema.option("weight_decay", &C::weight_decay, "decoupled weight decay").at_least(0);
  schema.option("puzzle_emb_lr", &C::puzzle_emb_lr, "learning rate of the puzzle embedding").at_least(0);
  schema.option("puzzle_emb_weight_decay", &C::puzzle_emb_weight_decay, "weight decay of the puzzle embedding")
      .at_least(0);
  schema.option("seed", &C::seed, "seed of every random generator").at_least(0).at_most(4294967295.0);
  schema.option("ema", &C::ema, "keep an exponential moving average of the weights and evaluate with it");
  schema.option("ema_rate", &C::ema_rate, "decay of that average").at_least(0).below(1);
  schema.option("freeze_weights", &C::freeze_weights, "train the puzzle embedding only");
}

void add_places(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Names and places");
  schema.option("project_name", &C::project_name, "null: named after the first data path").not_empty();
  schema.option("run_name", &C::run_name, "null: the architecture's class and two random words").not_empty();
  schema.option("checkpoint_path", &C::checkpoint_path, "run folder; null: runs/<project_name>/<run_name>").not_empty();
  schema
      .option("load_checkpoint", &C::load_checkpoint, "weights to begin with: a step_N folder, or a file of torch.save")
      .not_empty();
}

void add_checkpoints(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Checkpoints and stopping");
  schema
      .option("resume", &C::resume,
              "auto: go on from the newest valid checkpoint of the run folder; never; or a step_N folder")
      .not_empty();
  schema
      .option("checkpoint_interval", &C::checkpoint_interval,
              "steps between checkpoints; 0: at evaluations and at the end")
      .at_least(0);
  schema.option("keep_checkpoints", &C::keep_checkpoints, "newest checkpoints kept; 0: all").at_least(0);
  schema.option("best_metric", &C::best_metric,
                "also keep the checkpoint that is best by this metric, e.g. ARC/pass@2; empty: none");
  schema.option("early_stop", &C::early_stop, "stop after so many evaluations without a better best_metric; 0: never")
      .at_least(0);
  schema.option("time_limit", &C::time_limit, "seconds after which a checkpoint is written and the run ends; 0: none")
      .at_least(0);
  schema.option("save_carry", &C::save_carry,
                "keep the running puzzles in checkpoints; false: they restart after a resume");
  schema.option("on_nan", &C::on_nan, "when the loss is not finite").one_of({"stop", "skip", "rollback"});
}

void add_machine(Schema<TrainConfig>& schema) {
  using C = TrainConfig;
  schema.section("Machine and log");
  add_device_option(schema, &C::device);
  add_attention_options(schema, &C::attention_backend, &C::deterministic);
  schema.option(
      "fast_atan2", &C::fast_atan2,
      "AdamATan2 on the CPU by an arc tangent of its own, within 4 units in the last place, in place of ATen's; "
      "no longer upstream's bits");
  schema.option("threads", &C::threads, "CPU threads; 0: all cores").at_least(0);
  schema.option("log_interval", &C::log_interval, "steps between log lines").at_least(1);
}

Schema<TrainConfig> make_schema() {
  Schema<TrainConfig> schema("train");
  add_data(schema);
  add_length(schema);
  add_optimizer(schema);
  add_places(schema);
  add_checkpoints(schema);
  add_machine(schema);
  return schema;
}

// The nearest divisors of n below and above d.
std::string nearest_divisors(int64_t n, int64_t d) {
  int64_t below = 1;
  int64_t above = n;
  for (int64_t i = 1; i * i <= n; ++i) {
    if (n % i != 0) continue;
    for (const int64_t divisor : {i, n / i}) {
      if (divisor < d && divisor > below) below = divisor;
      if (divisor > d && divisor < above) above = divisor;
    }
  }
  return d > n ? std::to_string(n) : std::to_string(below) + " or " + std::to_string(above);
}

}  // namespace

const Schema<TrainConfig>& train_schema() {
  static const Schema<TrainConfig> schema = make_schema();
  return schema;
}

void check_train_config(const TrainConfig& config, const Node* source) {
  const auto fail = [&](const std::string& what, const std::vector<std::string>& keys, const std::string& fix) {
    throw Error(ErrorKind::usage, what, config::places_of(source, keys), fix);
  };
  if (config.eval_interval && config.epochs % *config.eval_interval != 0) {
    fail("eval_interval=" + std::to_string(*config.eval_interval) +
             " does not divide epochs=" + std::to_string(config.epochs),
         {"eval_interval", "epochs"}, "use eval_interval=" + nearest_divisors(config.epochs, *config.eval_interval));
  }
  if (config.early_stop > 0 && config.best_metric.empty()) {
    fail("early_stop=" + std::to_string(config.early_stop) + " needs a best_metric", {"early_stop", "best_metric"},
         "add best_metric=NAME, e.g. best_metric=all/exact_accuracy");
  }
  for (const auto& [key, paths] :
       {std::pair("data_paths", config.data_paths), {"data_paths_test", config.data_paths_test}}) {
    if (std::ranges::find(paths, "") != paths.end()) fail(std::string("an empty path in ") + key, {key}, "remove it");
  }
}

void check_world_size(const TrainConfig& config, int64_t world_size) {
  const int64_t batch = config.global_batch_size;
  if (batch % world_size == 0) return;
  const int64_t below = batch / world_size * world_size;
  const std::string fix = (below > 0 ? std::to_string(below) + " or " : "") + std::to_string(below + world_size);
  throw Error(ErrorKind::usage,
              "global_batch_size=" + std::to_string(batch) + " is not divisible by the " + std::to_string(world_size) +
                  " ranks",
              "in the configuration", "use global_batch_size=" + fix);
}

}  // namespace tern
