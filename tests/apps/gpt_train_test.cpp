// gpt_train as a user runs it, on a small text with a small tokenizer.
#include <filesystem>
#include <nlohmann/json.hpp>

#include <ATen/core/Tensor.h>

#include "base/file.h"
#include "engine/checkpoint/weights.h"
#include "tests/apps/gpt_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

using GptTrain = GptRun;

std::map<std::string, at::Tensor> by_name(const TensorList& tensors) {
  return {tensors.begin(), tensors.end()};
}

TEST_F(GptTrain, TrainsEvaluatesAndSaves) {
  const ProcessResult result = train({"--num-iterations=12", "--eval-every=6", "--sample-every=12"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("the CORE metric is left out"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "models/d3/step_12/model.safetensors"));
  EXPECT_TRUE(fs::exists(folder_ / "models/d3/samples.txt"));
  const std::string metrics = read_file(folder_ / "models/d3/metrics.jsonl");
  EXPECT_NE(metrics.find("val/bpb"), std::string::npos);
}

TEST_F(GptTrain, ResumesBitForBit) {
  ASSERT_EQ(train({"--num-iterations=8", "--eval-every=-1", "--model-tag=whole"}).exit_code, 0);
  ASSERT_EQ(train({"--num-iterations=8", "--eval-every=-1", "--model-tag=parts", "--save-every=4"}).exit_code, 0);
  fs::remove_all(folder_ / "models/parts/step_8");
  const ProcessResult resumed =
      train({"--num-iterations=8", "--eval-every=-1", "--model-tag=parts", "--resume-from-step=4"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  const auto whole = losses("whole");
  EXPECT_EQ(whole.size(), 8U);
  EXPECT_EQ(losses("parts"), whole);
  EXPECT_EQ(read_file(folder_ / "models/parts/step_8/model.safetensors"),
            read_file(folder_ / "models/whole/step_8/model.safetensors"));
}

// Documents strung together: the run goes on within one, and not with documents packed to fit.
TEST_F(GptTrain, TheFirstReleasesLoaderResumesBitForBit) {
  const std::vector<std::string> first = {"gpt=nanochat_2025_10", "--num-iterations=8", "--eval-every=-1"};
  const auto tagged = [&](const std::string& tag, std::vector<std::string> more) {
    more.insert(more.end(), first.begin(), first.end());
    more.push_back("--model-tag=" + tag);
    return train(more);
  };
  ASSERT_EQ(tagged("whole", {}).exit_code, 0);
  ASSERT_EQ(tagged("parts", {"--save-every=4"}).exit_code, 0);
  fs::remove_all(folder_ / "models/parts/step_8");
  expect_error(tagged("parts", {"--resume-from-step=4", "gpt.loader.packing=best_fit"}), 4,
               "the loader state is one of packing=stream, this is best_fit, ");
  const ProcessResult resumed = tagged("parts", {"--resume-from-step=4"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(losses("whole").size(), 8U);
  EXPECT_EQ(losses("parts"), losses("whole"));
  EXPECT_EQ(read_file(folder_ / "models/parts/step_8/model.safetensors"),
            read_file(folder_ / "models/whole/step_8/model.safetensors"));
  ASSERT_EQ(tagged("packed", {"gpt.loader.packing=best_fit"}).exit_code, 0);
  EXPECT_NE(losses("packed"), losses("whole"));
}

TEST_F(GptTrain, ExportsToNanochat) {
  ASSERT_EQ(train({"--num-iterations=3", "--eval-every=-1"}).exit_code, 0);
  const std::string out = folder_ / "nanochat";
  const ProcessResult result = run_process({TERN_BIN "/tern_ckpt", "export-nanochat", folder_ / "models/d3", out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, out + ": step 3\n");
  const auto meta = nlohmann::json::parse(read_file(out + "/meta_000003.json"));
  EXPECT_EQ(meta.at("model_config").at("n_layer"), 3);
  EXPECT_EQ(meta.at("model_config").at("vocab_size"), 265);
  EXPECT_EQ(meta.at("total_batch_size"), 128);
  EXPECT_TRUE(fs::exists(out + "/model_000003.pt") && fs::exists(out + "/optim_000003_rank0.pt"));
  fs::remove_all(folder_ / "models/d3/step_3");
  EXPECT_EQ(run_process({TERN_BIN "/tern_ckpt", "export-nanochat", folder_ / "models/d3", out}).exit_code, 4);
}

// The longer plan evaluates elsewhere than the shorter one did.
TEST_F(GptTrain, AFinishedRunCanBeProlonged) {
  ASSERT_EQ(train({"--num-iterations=3", "--eval-every=4"}).exit_code, 0);
  const ProcessResult longer = train({"--num-iterations=9", "--eval-every=4", "--resume=auto"});
  EXPECT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_NE(longer.err.find("finished at step 9 of 9"), std::string::npos) << longer.err;
  EXPECT_EQ(losses("d3").size(), 9U);
  const ProcessResult again = train({"--num-iterations=9", "--eval-every=4", "--resume=auto"});
  EXPECT_NE(again.err.find("nothing is left to train"), std::string::npos) << again.err;
}

// The mission's local configuration, shortened.
TEST_F(GptTrain, TheLocalCpuConfigurationRuns) {
  const ProcessResult result =
      start("gpt_train", {"--config-name=gpt_train_cpu", "--data=" + (folder_ / "text.jsonl").string(),
                          "--num-iterations=2", "--eval-tokens=1024", "--threads=1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("d4: 3473490 parameters, 2 steps of 1024 tokens, "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(" tok/s | "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(" | ETA 0:00\n"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("The capital of France is"), std::string::npos) << "samples: " << result.err;
  EXPECT_EQ(losses("d4").size(), 2U);
}

TEST_F(GptTrain, ReportsTheStage) {
  ASSERT_EQ(
      train({"--num-iterations=13", "--eval-every=13", "--run=first", "--model-tag=x", "--peak-flops=1e12"}).exit_code,
      0);
  const std::string report = read_file(folder_ / "report/base-model-training.md");
  for (const std::string line :
       {"- run: first", "- model_tag: x", "- depth: 3", "- Calculated number of iterations: 13",
        "- Number of training tokens: 1664", "- DDP world size: 1",
        "- Minimum validation bpb: ", "- MFU %: ", "- Total training time: ", "- Peak memory usage: "}) {
    EXPECT_NE(report.find("\n" + line), std::string::npos) << line << "\n" << report;
  }
}

// Weights, optimizer and place are as nanochat left them, and training goes on.
TEST_F(GptTrain, GoesOnFromACheckpointOfNanochat) {
  const fs::path nanochat = fs::path(TERN_TEST_REFERENCE) / "gpt/checkpoint_d3";
  const ProcessResult result = train({"--init-from=" + nanochat.string(), "--num-iterations=6", "--eval-every=2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("/step_2 at step 2 of 6"), std::string::npos) << result.err;
  const auto trained = losses("d3");
  EXPECT_EQ(trained.size(), 4U);
  EXPECT_EQ(trained.begin()->first, 3);
  EXPECT_LT(last_metric("d3", "val/best_bpb"), 1.2501) << "the smallest of nanochat's run";
  const std::map<std::string, at::Tensor> ours = by_name(load_weights(folder_ / "models/d3/step_2"));
  for (const auto& [name, tensor] : load_weights(nanochat / "model_000002.pt")) {
    EXPECT_TRUE(ours.at(name).equal(tensor.to(at::kFloat))) << name;
  }
  // Started again, it goes on from its own checkpoint.
  const ProcessResult again =
      train({"--init-from=" + nanochat.string(), "--num-iterations=8", "--eval-every=-1", "--resume=auto"});
  EXPECT_NE(again.err.find("/step_6 at step 6 of 8"), std::string::npos) << again.err;
}

// To nanochat's files and back: nothing is lost of weights and optimizer.
TEST_F(GptTrain, ComesBackFromNanochatsFilesUnchanged) {
  ASSERT_EQ(train({"--num-iterations=4", "--eval-every=4", "--model-tag=a"}).exit_code, 0);
  const std::string nanochat = folder_ / "nanochat";
  ASSERT_EQ(start("tern_ckpt", {"export-nanochat", folder_ / "models/a", nanochat}).exit_code, 0);
  const auto meta = nlohmann::json::parse(read_file(nanochat + "/meta_000004.json"));
  EXPECT_EQ(meta.at("dataloader_state_dict").at("epoch").get<int64_t>(), last_metric("a", "train/epoch"));
  EXPECT_EQ(meta.at("loop_state").at("min_val_bpb").get<double>(), last_metric("a", "val/best_bpb"));
  ASSERT_EQ(train({"--num-iterations=5", "--eval-every=-1", "--model-tag=b", "--init-from=" + nanochat}).exit_code, 0);
  for (const std::string file : {"model.safetensors", "optimizer.rank0-of-1.safetensors"}) {
    EXPECT_EQ(read_file(folder_ / ("models/a/step_4/" + file)), read_file(folder_ / ("models/b/step_4/" + file)));
  }
}

TEST_F(GptTrain, RefusesAnotherModelsCheckpoint) {
  const std::string from = "--init-from=" + (fs::path(TERN_TEST_REFERENCE) / "gpt/checkpoint_d3").string();
  expect_error(train({"--num-iterations=4", from, "--head-dim=24"}), 2,
               "the checkpoint's model has n_head=2, the configuration 1, ");
  expect_error(train({"--num-iterations=4", from, "--window-pattern=L"}), 2,
               "the checkpoint's model has window_pattern=SSSL, the configuration L, ");
  expect_error(train({"--num-iterations=4", from, "--resume-from-step=7"}), 4, "");
  expect_error(train({"--num-iterations=4", "--init-from=" + (folder_ / "none").string()}), 4, "no model_<step>.pt, ");
  const fs::path grouped = folder_ / "grouped";  // gpt_eval and gpt_chat read such a model
  fs::copy(fs::path(TERN_TEST_REFERENCE) / "gpt/checkpoint_d3", grouped);
  auto meta = nlohmann::ordered_json::parse(read_file(grouped / "meta_000002.json"));
  meta["model_config"]["n_kv_head"] = 1;
  write_file_atomically(grouped / "meta_000002.json", meta.dump());
  expect_error(train({"--num-iterations=4", "--init-from=" + grouped.string()}), 2,
               "the checkpoint's model has n_kv_head=1, the configuration 2, " + grouped.string() +
                   ", gpt_train makes as many key as query heads");
  grow_tokenizer(1);
  expect_error(train({"--num-iterations=4", from}), 2,
               "the checkpoint's model has vocab_size=265, the configuration 266");
}

// One more token fits into the padding of the vocabulary, a hundred more don't.
TEST_F(GptTrain, RefusesToResumeWithAnotherTokenizer) {
  ASSERT_EQ(train({"--num-iterations=2", "--eval-every=-1"}).exit_code, 0);
  grow_tokenizer(1);
  expect_error(
      train({"--num-iterations=4", "--resume=auto"}), 3,
      "the tokenizer has 266 tokens, the checkpoint's model 265, use the tokenizer that the model was trained with");
  grow_tokenizer(100);
  expect_error(
      train({"--num-iterations=4", "--resume-from-step=2"}), 3,
      "the tokenizer has 365 tokens, the checkpoint's model 265, use the tokenizer that the model was trained with");
}

TEST_F(GptTrain, RefusesDamagedAndEmptyShards) {
  const auto run = [&] { return train_on_shards({"--num-iterations=2", "--eval-every=-1"}); };
  expect_error(run(), 3, "no folder of shards, ");
  ASSERT_EQ(start("gpt_data", {folder_ / "text.jsonl"}).exit_code, 0);
  ASSERT_EQ(run().exit_code, 0);
  const std::string shard = folder_ / "base_data/shard_00000.parquet", content = read_file(shard);
  write_file_atomically(shard, "");
  expect_error(run(), 3, "shard is empty, " + shard);
  write_file_atomically(shard, content.substr(0, content.size() / 2));
  ProcessResult damaged = run();
  expect_error(damaged, 3, "");
  EXPECT_NE(damaged.err.find(shard), std::string::npos) << damaged.err;
  std::string flipped = content;
  for (size_t i = 40; i < 80; ++i) flipped[i] = static_cast<char>(~flipped[i]);
  write_file_atomically(shard, flipped);
  damaged = run();
  expect_error(damaged, 3, "");
  EXPECT_NE(damaged.err.find(shard), std::string::npos) << damaged.err;
  fs::remove(shard);
  expect_error(run(), 3, "only one shard, so no validation shard, ");
}

TEST_F(GptTrain, ErrorsAreOneLineWithTheRightExitCode) {
  expect_error(train({"--num-iterations=1", "--total-batch-size=100"}), 2,
               "total_batch_size=100 is not a multiple of 64 tokens");
  expect_error(train({"--num-iterations=1", "--max-seq-len=16777217", "--total-batch-size=-1"}), 2,
               "max_seq_len needs an integer >= 2 and <= 16777216, not '16777217'");
  expect_error(train({"--num-iterations=1", "--device-type=tpu"}), 2, "device_type needs one of ");
  expect_error(train({"--num-iterations=1", "--data=" + (folder_ / "none.jsonl").string()}), 3, "");
  fs::remove(folder_ / "tokenizer/ranks.tiktoken");
  const ProcessResult result = train({"--num-iterations=1"});
  expect_error(result, 3, "");
  EXPECT_NE(result.err.find("ranks.tiktoken"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tern::test
