// trm_train as a user runs it: the files it leaves, and what upstream's keys do.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <regex>

#include "base/file.h"
#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/torch_file.h"
#include "engine/checkpoint/weights.h"
#include "tests/apps/trm_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

std::vector<int64_t> steps_of(const std::vector<nlohmann::json>& rows) {
  std::vector<int64_t> steps;
  for (const auto& row : rows) steps.push_back(row.at("step"));
  return steps;
}

at::Tensor find(const TensorList& tensors, const std::string& name) {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  ADD_FAILURE() << name << " is missing";
  return {};
}

TEST(TrmTrain, LeavesTheRunFolderOfTheDesign) {
  const TrmFolder folder;
  const ProcessResult result = folder.train_well("run");
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(contains(result.err, "test: ")) << result.err;
  EXPECT_TRUE(contains(result.err, " 72 steps, run folder run\n")) << result.err;
  EXPECT_TRUE(
      std::regex_search(result.err, std::regex("\nStep 10 \\| Loss: [0-9.]+ \\| LR: 1\\.0e-03 \\| [0-9.k]+ ex/s "
                                               "\\| [0-9.]+ s/step \\| mem [0-9.]+ [MG]B\n")))
      << result.err;
  EXPECT_TRUE(contains(result.err, "finished at step 72 of 72; checkpoints and report.html are in run\n"))
      << result.err;
  const fs::path run = folder.path() / "run";
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{24, 48, 72}));
  for (const char* file : {"model.safetensors", "ema.safetensors", "optimizer.rank0-of-1.safetensors",
                           "state.rank0-of-1.safetensors", "manifest.json"}) {
    EXPECT_TRUE(fs::exists(run / "step_72" / file)) << file;
  }
  EXPECT_TRUE(contains(read_file(run / "config.yaml"), "global_batch_size: 4\n"));
  EXPECT_EQ(read_manifest(run / "step_72").config_yaml, read_file(run / "config.yaml"));
  EXPECT_TRUE(contains(read_file(run / "report.html"), "finished"));
  EXPECT_TRUE(fs::exists(run / "puzzles.json"));
  EXPECT_TRUE(contains(read_file(run / "run.log"), "finished at step 72"));
  EXPECT_EQ(std::count_if(fs::directory_iterator(run), {},
                          [](const auto& entry) { return contains(entry.path(), "tfevents"); }),
            1);
}

TEST(TrmTrain, FastAtan2IsNearUpstreamsBitsAndNotTheSame) {
  const TrmFolder folder;
  const auto losses = [&](const std::string& run, const std::string& fast) {
    folder.train_well(run, {"epochs=4", "fast_atan2=" + fast});
    std::vector<double> values;
    for (const auto& row : folder.rows(run, "step")) values.push_back(row.at("metrics").at("train/lm_loss"));
    return values;
  };
  const auto exact = losses("exact", "False"), again = losses("again", "False"), fast = losses("fast", "True");
  EXPECT_EQ(exact, again);
  EXPECT_NE(exact, fast);
  ASSERT_EQ(exact.size(), fast.size());
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(fast[i], exact[i], 1e-3 * exact[i]) << i;
}

TEST(TrmTrain, MetricsHaveUpstreamsNamesAndTheModelLearns) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=60", "eval_interval=20", "lr=3e-3"});
  const auto steps = folder.rows("run", "step");
  ASSERT_EQ(steps.size(), 360U);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i]["step"], i + 1);
  for (const char* name : {"train/count", "train/accuracy", "train/exact_accuracy", "train/q_halt_accuracy",
                           "train/steps", "train/lm_loss", "train/q_halt_loss", "train/grad_norm", "train/lr"}) {
    EXPECT_TRUE(steps[5]["metrics"].contains(name)) << name;
  }
  EXPECT_EQ(steps[0]["examples"], 4);
  const auto evals = folder.rows("run", "eval");
  ASSERT_EQ(steps_of(evals), (std::vector<int64_t>{120, 240, 360}));
  for (const char* name :
       {"all/accuracy", "all/exact_accuracy", "all/q_halt_accuracy", "all/steps", "all/lm_loss", "all/q_halt_loss"}) {
    EXPECT_TRUE(evals[0]["metrics"].contains(name)) << name;
  }
  EXPECT_EQ(evals[0]["metrics"]["all/steps"], 3.0) << "evaluation always runs halt_max_steps";
  EXPECT_GT(evals[2]["metrics"]["all/accuracy"], 0.9);
  EXPECT_LT(evals[2]["metrics"]["all/lm_loss"], 0.5 * evals[0]["metrics"]["all/lm_loss"].get<double>());
}

TEST(TrmTrain, EqualSeedsGiveEqualRunsAndOthersDoNot) {
  const TrmFolder folder;
  folder.train_well("a");
  folder.train_well("b");
  folder.expect_same_run("b", "a");
  folder.train_well("c", {"seed=1"});
  EXPECT_NE(folder.metrics("c"), folder.metrics("a"));
}

TEST(TrmTrain, WarmUpAndCosine) {
  const TrmFolder folder;
  folder.train_well("run", {"lr=0.01", "lr_warmup_steps=4", "lr_min_ratio=0.25"});
  const auto steps = folder.rows("run", "step");
  EXPECT_DOUBLE_EQ(steps[0]["lr"], 0.0025);
  EXPECT_DOUBLE_EQ(steps[3]["lr"], 0.01);
  EXPECT_DOUBLE_EQ(steps[37]["lr"], 0.01 * (0.25 + 0.75 * 0.5));  // half-way between 4 and 72
  EXPECT_DOUBLE_EQ(steps[71]["lr"], 0.0025);
}

TEST(TrmTrain, EvalIntervalNullEvaluatesOnceAtTheEnd) {
  const TrmFolder folder;
  folder.train_well("run", {"eval_interval=null"});
  EXPECT_EQ(steps_of(folder.rows("run", "eval")), (std::vector<int64_t>{72}));
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{72}));
}

TEST(TrmTrain, MinEvalIntervalSkipsEvaluationsAndTheirCheckpoints) {
  const TrmFolder folder;
  folder.train_well("run", {"min_eval_interval=2"});
  EXPECT_EQ(steps_of(folder.rows("run", "eval")), (std::vector<int64_t>{72}));
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{72}));
}

TEST(TrmTrain, WithoutCheckpointEveryEvalOnlyTheEndIsSaved) {
  const TrmFolder folder;
  folder.train_well("run", {"checkpoint_every_eval=False"});
  EXPECT_EQ(steps_of(folder.rows("run", "eval")), (std::vector<int64_t>{24, 48, 72}));
  EXPECT_EQ(folder.checkpoints("run"), (std::vector<int64_t>{72}));
}

TEST(TrmTrain, EvaluationChangesNothingInTraining) {
  const TrmFolder folder;
  folder.train_well("with");
  folder.train_well("without", {"min_eval_interval=99"});
  const auto with = folder.rows("with", "step");
  const auto without = folder.rows("without", "step");
  ASSERT_EQ(with.size(), without.size());
  for (size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(with[i]["loss"], without[i]["loss"]) << i;
    EXPECT_EQ(with[i]["metrics"], without[i]["metrics"]) << i;
  }
}

TEST(TrmTrain, EmaIsEvaluatedAndKeptBesideTheRawWeights) {
  const TrmFolder folder;
  folder.train_well("ema", {"ema_rate=0.99"});
  folder.train_well("raw", {"ema=False"});
  const auto losses = [&](const std::string& run, const std::string& kind) {
    std::vector<double> all;
    for (const auto& row : folder.rows(run, kind)) {
      all.push_back(row.value("loss", row["metrics"].value("all/lm_loss", 0.0)));
    }
    return all;
  };
  EXPECT_EQ(losses("ema", "step"), losses("raw", "step")) << "averaging changes nothing in training";
  EXPECT_GT(losses("ema", "eval")[2], losses("raw", "eval")[2]) << "a slow average lags behind";
  EXPECT_FALSE(fs::exists(folder.path() / "raw/step_72/ema.safetensors"));
  const auto model = read_safetensors(folder.path() / "ema/step_72/model.safetensors").tensors;
  const auto raw = read_safetensors(folder.path() / "raw/step_72/model.safetensors").tensors;
  const auto ema = read_safetensors(folder.path() / "ema/step_72/ema.safetensors").tensors;
  const std::string name = "model.inner.lm_head.weight";
  EXPECT_TRUE(find(model, name).equal(find(raw, name)));
  EXPECT_FALSE(find(ema, name).equal(find(model, name)));
}

TEST(TrmTrain, FrozenWeightsTrainThePuzzleEmbeddingAlone) {
  const TrmFolder folder;
  folder.train_well("start", {"epochs=4"});
  folder.train_well("run", {"freeze_weights=True", "load_checkpoint=start", "puzzle_emb_lr=0.01", "ema=False"});
  const auto before = read_weights(folder.path() / "start", WeightSet::ema, [](const std::string&) {}).tensors;
  const auto after = read_safetensors(folder.path() / "run/step_72/model.safetensors").tensors;
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, tensor] : before) {
    const bool is_embedding = name == "model.inner.puzzle_emb.weights";
    EXPECT_EQ(find(after, name).equal(tensor), !is_embedding) << name;
  }
  EXPECT_DOUBLE_EQ(folder.rows("run", "step").back()["lr"], 0.01) << "the rate of what is trained, as upstream logs it";
}

TEST(TrmTrain, LoadCheckpointTakesEveryKindOfFile) {
  const TrmFolder folder;
  folder.train_well("start", {"epochs=4", "ema=False"});
  const TensorList weights = read_safetensors(folder.path() / "start/step_24/model.safetensors").tensors;
  TensorList compiled;
  for (const auto& [name, tensor] : weights) compiled.emplace_back("_orig_mod." + name, tensor);
  write_torch_file(folder.path() / "plain.pt", weights);
  write_torch_file(folder.path() / "compiled.pt", compiled);
  for (const std::string source :
       {"start", "start/step_24", "start/step_24/model.safetensors", "plain.pt", "compiled.pt"}) {
    const std::string run = "from_" + std::to_string(std::hash<std::string>()(source));
    const ProcessResult result = folder.train_well(run, {"load_checkpoint=" + source, "epochs=4"});
    EXPECT_TRUE(contains(result.err, "starting from the weights of " + source)) << result.err;
    EXPECT_EQ(folder.metrics(run), folder.metrics("from_" + std::to_string(std::hash<std::string>()("start"))))
        << source;
  }
  EXPECT_NE(folder.metrics("from_" + std::to_string(std::hash<std::string>()("start"))), folder.metrics("start"));
}

TEST(TrmTrain, PuzzleEmbeddingOfOtherPuzzlesStartsAsItsMean) {
  const TrmFolder folder;
  folder.train_well("start", {"epochs=4", "ema=False"});
  write_tiny_dataset(folder.path() / "more", {.puzzles = 20});
  // Rates of zero: what is loaded is what is saved.
  const ProcessResult result = folder.train_well(
      "run", {"data_paths=[more]", "load_checkpoint=start", "epochs=4", "lr=0", "puzzle_emb_lr=0", "ema=False"});
  EXPECT_TRUE(contains(result.err,
                       "the puzzle embedding of start/step_24 has 13 rows, this dataset 21: every row "
                       "starts as the mean\n"))
      << result.err;
  const std::string name = "model.inner.puzzle_emb.weights";
  const at::Tensor before = find(read_safetensors(folder.path() / "start/step_24/model.safetensors").tensors, name);
  const at::Tensor after =
      find(read_safetensors(folder.path() / ("run/step_" + std::to_string(folder.checkpoints("run").back())) /
                            "model.safetensors")
               .tensors,
           name);
  EXPECT_TRUE(after.equal(before.mean(0, true).expand({21, before.size(1)})));
}

TEST(TrmTrain, DataPathsTestAreEvaluatedInsteadOfDataPaths) {
  const TrmFolder folder;
  folder.train_well("own", {"epochs=4", "eval_save_outputs=[inputs]"});
  write_tiny_dataset(folder.path() / "test_only", {.puzzles = 5});
  folder.train_well("other", {"epochs=4", "data_paths_test=[test_only]", "eval_save_outputs=[inputs]"});
  const auto own = read_torch_file(folder.path() / "own/step_24_all_preds.0").tensors;
  const auto other = read_torch_file(folder.path() / "other/step_24_all_preds.0").tensors;
  EXPECT_EQ(own[0].second.sizes(), (std::vector<int64_t>{12, 16}));
  EXPECT_EQ(other[0].second.sizes(), (std::vector<int64_t>{8, 16})) << "5 examples, padded to two batches";
}

TEST(TrmTrain, EveryTestDatasetHasItsOwnVote) {
  const TrmFolder folder;
  Words options = folder.build_arc();
  fs::copy(folder.path() / "arc", folder.path() / "again", fs::copy_options::recursive);
  options.insert(options.end(), {"epochs=1", "data_paths_test=[arc]"});
  folder.train_well("one", options);
  options.push_back("data_paths_test=[arc,again]");
  // Twice as many identifiers as the training data has: there is no row of the puzzle embedding for them.
  const ProcessResult refused = folder.train("two", options);
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_TRUE(contains(refused.err, "puzzle identifiers and the model")) << refused.err;
  options.insert(options.end(), {"arch.puzzle_emb_ndim=0", "arch.puzzle_emb_len=0"});
  folder.train_well("two", options);
  const nlohmann::json found = folder.rows("two", "eval")[0]["metrics"];
  EXPECT_EQ(found["ARC1/pass@2"], found["ARC/pass@2"]) << "the same puzzles, and the same answers";
  const std::string step = std::to_string(folder.checkpoints("two").back());
  EXPECT_EQ(read_file(folder.path() / ("two/evaluator_ARC1_step_" + step + "/submission.json")),
            read_file(folder.path() / ("two/evaluator_ARC_step_" + step + "/submission.json")));
}

TEST(TrmTrain, SavesTheOutputsThatAreAskedFor) {
  const TrmFolder folder;
  folder.train_well("run", {"epochs=4",
                            "eval_save_outputs=[inputs,labels,puzzle_identifiers,preds,logits,q_halt_logits,"
                            "q_continue_logits]"});
  const auto saved = read_torch_file(folder.path() / "run/step_24_all_preds.0").tensors;
  ASSERT_EQ(saved.size(), 7U);
  EXPECT_EQ(find(saved, "logits").sizes(), (std::vector<int64_t>{12, 16, 6}));
  EXPECT_TRUE(find(saved, "logits").argmax(-1).equal(find(saved, "preds").to(at::kLong)));
  EXPECT_EQ(find(saved, "q_halt_logits").sizes(), (std::vector<int64_t>{12}));
  EXPECT_EQ(find(saved, "puzzle_identifiers")[11].item<int64_t>(), 12);
}

TEST(TrmTrain, RunsFromUpstreamsOwnConfigFolder) {
  const TrmFolder folder;
  Words command = folder.command("run", {"epochs=4"});
  command.insert(command.begin() + 1,
                 {"--config-dir", TERN_TEST_REFERENCE "/config/upstream", "--config-name", "cfg_pretrain", "arch=trm"});
  std::erase_if(command, [](const std::string& word) { return word.starts_with("run_name"); });
  command.push_back("+run_name=test");
  const ProcessResult result = run_process(command, folder.here());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  folder.train_well("own", {"epochs=4"});
  EXPECT_EQ(folder.metrics("run"), folder.metrics("own"));
}

TEST(TrmTrain, RunNamesItselfWhenNobodyDid) {
  const TrmFolder folder;
  Words command = folder.command("run", {"epochs=4"});
  std::erase_if(command, [](const std::string& word) {
    return word.starts_with("run_name") || word.starts_with("checkpoint_path");
  });
  const ProcessResult result = run_process(command, folder.here());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const fs::path project = folder.path() / "runs/Data-ACT-torch";
  ASSERT_TRUE(fs::exists(project));
  const std::string name = fs::directory_iterator(project)->path().filename();
  EXPECT_TRUE(std::regex_match(name, std::regex("TinyRecursiveReasoningModel_ACTV1 [a-z]+-[a-z]+"))) << name;
  EXPECT_TRUE(fs::exists(project / name / "step_24"));
}

TEST(TrmTrain, EverySweepJobHasItsOwnFolder) {
  const TrmFolder folder;
  const ProcessResult result = folder.train("run", {"--multirun", "epochs=4", "seed=1,2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(folder.metrics("run/0"), folder.metrics("run/1"));
}

TEST(TrmTrain, MlpArchitectureAndLearnedPositionsTrain) {
  const TrmFolder folder;
  folder.train_well("mlp", {"arch.mlp_t=True", "arch.pos_encodings=none", "epochs=4"});
  folder.train_well("learned", {"arch.pos_encodings=learned", "arch.puzzle_emb_ndim=0", "arch.puzzle_emb_len=0",
                                "epochs=4", "arch.no_ACT_continue=False", "arch.loss.loss_type=softmax_cross_entropy"});
  EXPECT_TRUE(folder.rows("learned", "step")[0]["metrics"].contains("train/q_continue_loss"));
  folder.train_well("bf16", {"arch.forward_dtype=bfloat16", "epochs=4"});
}

}  // namespace
}  // namespace tern::test
