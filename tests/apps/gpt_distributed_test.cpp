// gpt_train over several processes, as a user runs it, on documents that each fill one row: what the ranks read
// together in a step is then what one process reads in it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/file.h"
#include "data/text/shard_set.h"
#include "data/text/tokenizer.h"
#include "engine/checkpoint/reader.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRowGroup = 2;  // documents; also the rows of a micro-batch

// gpt_eval's "val bpb: 1.234567".
double bits(const std::string& out) {
  const size_t at = out.find("val bpb: ");
  return at == std::string::npos ? 0 : std::stod(out.substr(at + 9));
}

class GptDistributed : public testing::Test {
 protected:
  GptDistributed() {
    fs::create_directories(folder_ / "tokenizer");
    std::vector<std::string> bytes;
    for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
    text::Tokenizer(bytes).write(folder_ / "tokenizer/ranks.tiktoken");
    text::ShardSetWriter shards(folder_ / "base_data", {.row_group_size = kRowGroup, .validation_documents = 24});
    std::minstd_rand random(1);
    for (int i = 0; i < 324; ++i) {
      std::string document;  // with <|bos|> 33 tokens: one row of 32 inputs and the last target
      for (int k = 0; k < 16; ++k) document += random() % 3 == 0 ? "ro" : "se";
      shards.add(document);
    }
    (void)shards.finish();
  }

  // total_batch_size=384: 6, 3 or 2 micro-batches of 2 x 32 tokens on 1, 2 or 3 ranks.
  [[nodiscard]] std::vector<std::string> command(int ranks, const std::vector<std::string>& more) const {
    std::vector<std::string> words;
    if (ranks > 0) words = {TERN_BIN "/tern_launch", "--nproc-per-node", std::to_string(ranks)};
    words.insert(words.end(),
                 {TERN_BIN "/gpt_train", "--depth=3", "--aspect-ratio=8", "--head-dim=12", "--max-seq-len=32",
                  "--device-batch-size=2", "--total-batch-size=384", "--eval-tokens=384", "--sample-every=-1",
                  "--core-metric-every=-1", "--eval-every=-1", "gpt.forward_dtype=float32", "--threads=1"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  [[nodiscard]] ProcessOptions options() const {
    return {.folder = {}, .max_file_bytes = {}, .environment = {{"TERN_BASE_DIR", folder_.path().string()}}};
  }

  [[nodiscard]] ProcessResult run(int ranks, const std::vector<std::string>& more) const {
    return run_process(command(ranks, more), options());
  }

  void run_well(int ranks, const std::vector<std::string>& more) const {
    const ProcessResult result = run(ranks, more);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  [[nodiscard]] fs::path run_dir(const std::string& tag) const { return folder_ / "models" / tag; }

  [[nodiscard]] std::string weights(const std::string& tag, int64_t step) const {
    return read_file(run_dir(tag) / ("step_" + std::to_string(step)) / "model.safetensors");
  }

  // Values of a key of metrics.jsonl, by step.
  [[nodiscard]] std::map<int64_t, double> metric(const std::string& tag, const std::string& key) const {
    std::map<int64_t, double> result;
    std::ifstream file(run_dir(tag) / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      const auto json = nlohmann::json::parse(line);
      const auto& metrics = json.contains("metrics") ? json.at("metrics") : json;
      if (json.contains(key)) result[json.at("step").get<int64_t>()] = json.at(key).get<double>();
      if (metrics.contains(key)) result[json.at("step").get<int64_t>()] = metrics.at(key).get<double>();
    }
    return result;
  }

  TempFolder folder_;
};

// Halving is exact and of two terms there is one sum, so two ranks with one micro-batch each do bit for bit what one
// process does with two. Adding up more of them depends on the order: then the last bits of the gradients differ, and,
// as long as the learning rate is small enough not to magnify that, the losses hardly do.
TEST_F(GptDistributed, TrainsAsOneProcessDoes) {
  const std::vector<std::string> exact = {"--total-batch-size=128", "--num-iterations=8", "--eval-every=4",
                                          "--warmup-steps=2"};
  const auto tagged = [](std::vector<std::string> words, const std::string& tag) {
    words.push_back("--model-tag=" + tag);
    return words;
  };
  run_well(0, tagged(exact, "one"));
  run_well(2, tagged(exact, "two"));
  const auto losses = metric("one", "loss");
  ASSERT_EQ(losses.size(), 8U);
  EXPECT_EQ(metric("two", "loss"), losses);
  EXPECT_EQ(weights("two", 8), weights("one", 8));
  const auto bpb = metric("one", "val/bpb");
  ASSERT_EQ(bpb.size(), 3U);
  for (const auto& [step, value] : metric("two", "val/bpb")) EXPECT_NEAR(value / bpb.at(step), 1, 1e-6);

  const std::vector<std::string> close = {"--num-iterations=8", "--eval-every=4"};
  run_well(0, tagged(close, "alone"));
  const auto expected = metric("alone", "loss"), expected_bpb = metric("alone", "val/bpb");
  for (const int ranks : {2, 3}) {
    const std::string tag = "of" + std::to_string(ranks);
    run_well(ranks, tagged(close, tag));
    const auto actual = metric(tag, "loss"), actual_bpb = metric(tag, "val/bpb");
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [step, loss] : expected) EXPECT_NEAR(actual.at(step) / loss, 1, 1e-5) << tag << " step " << step;
    ASSERT_EQ(actual_bpb.size(), expected_bpb.size());
    for (const auto& [step, value] : expected_bpb) EXPECT_NEAR(actual_bpb.at(step) / value, 1, 1e-5) << tag << step;
  }
}

// Rank 0 reads the files, all ranks go on from them: as one process does, where the sums are the same. The documents
// are all one, since nanochat's files say where to read on only up to a row group of every rank.
TEST_F(GptDistributed, GoesOnFromNanochatsFilesAsOneProcessDoes) {
  fs::remove_all(folder_ / "base_data");
  text::ShardSetWriter shards(folder_ / "base_data", {.row_group_size = kRowGroup, .validation_documents = 24});
  for (int i = 0; i < 324; ++i) shards.add("roserosesesesesesesesesesesesese");
  (void)shards.finish();
  run_well(0, {"--total-batch-size=128", "--num-iterations=3", "--model-tag=first"});
  const std::string files = folder_ / "nanochat";
  ASSERT_EQ(run_process({TERN_BIN "/tern_ckpt", "export-nanochat", run_dir("first"), files}).exit_code, 0);
  for (const int ranks : {0, 2}) {
    run_well(ranks, {"--total-batch-size=128", "--num-iterations=8", "--init-from=" + files,
                     "--model-tag=of" + std::to_string(ranks)});
  }
  const auto losses = metric("of0", "loss");
  EXPECT_EQ(losses.begin()->first, 4);
  EXPECT_EQ(losses.size(), 5U);
  EXPECT_EQ(metric("of2", "loss"), losses);
  EXPECT_EQ(weights("of2", 8), weights("of0", 8));
}

TEST_F(GptDistributed, SharesOutEvaluations) {
  fs::copy(fs::path(TERN_TEST_REFERENCE) / "core/bundle", folder_ / "eval_bundle", fs::copy_options::recursive);
  run_well(2, {"--max-seq-len=256", "--total-batch-size=1024", "--num-iterations=4", "--core-metric-every=4",
               "--core-metric-max-per-task=11", "--model-tag=two"});
  const auto core = metric("two", "core/metric");
  ASSERT_EQ(core.size(), 1U);
  const auto evaluate = [&](std::vector<std::string> words) {
    words.insert(words.end(), {TERN_BIN "/gpt_eval", "--eval=bpb,core", "--device-batch-size=2", "--split-tokens=2048",
                               "--max-per-task=11", "--threads=1"});
    const ProcessResult result = run_process(words, options());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  };
  const std::string alone = evaluate({}), shared = evaluate({TERN_BIN "/tern_launch", "--nproc-per-node=2"});
  EXPECT_NE(alone.find(fmt::format("CORE metric: {:.4f}, ", core.begin()->second)), std::string::npos) << alone;
  EXPECT_EQ(shared.substr(shared.find("CORE\n")), alone.substr(alone.find("CORE\n")));
  EXPECT_NEAR(bits(shared) / bits(alone), 1, 0.02) << "the ranks pack their documents by themselves";
}

TEST_F(GptDistributed, EveryRankKeepsItsPartOfTheOptimizer) {
  run_well(0, {"--num-iterations=1", "--model-tag=one"});
  run_well(3, {"--num-iterations=1", "--model-tag=three"});
  const auto size = [&](const std::string& tag, const std::string& file) {
    return static_cast<double>(fs::file_size(run_dir(tag) / "step_1" / file));
  };
  const double whole = size("one", "optimizer.rank0-of-1.safetensors");
  double sum = 0;
  for (const std::string rank : {"0", "1", "2"}) {
    const double part = size("three", "optimizer.rank" + rank + "-of-3.safetensors");
    EXPECT_LT(part, 0.5 * whole) << rank;
    EXPECT_GT(part, 0.15 * whole) << rank;
    sum += part;
  }
  EXPECT_NEAR(sum / whole, 1, 0.1) << "small parameters are on every rank, and so are names";
  EXPECT_EQ(verify_checkpoint(run_dir("three") / "step_1").files.size(), 7U);
}

TEST_F(GptDistributed, ResumesBitForBit) {
  const std::vector<std::string> eight = {"--num-iterations=8"};
  run_well(2, {"--num-iterations=8", "--model-tag=whole"});
  run_well(2, {"--num-iterations=8", "--model-tag=parts", "--save-every=4"});
  fs::remove_all(run_dir("parts") / "step_8");
  run_well(2, {"--num-iterations=8", "--model-tag=parts", "--resume=auto"});
  EXPECT_EQ(metric("parts", "loss"), metric("whole", "loss"));
  for (const std::string file :
       {"model.safetensors", "optimizer.rank0-of-2.safetensors", "optimizer.rank1-of-2.safetensors",
        "state.rank0-of-2.safetensors", "state.rank1-of-2.safetensors"}) {
    EXPECT_EQ(read_file(run_dir("parts") / "step_8" / file), read_file(run_dir("whole") / "step_8" / file)) << file;
  }
}

// Its loader stands within a document on every rank, and each clips its own gradients: with the limit as low as here
// that is another run than with the mean's.
TEST_F(GptDistributed, TheFirstReleaseResumesBitForBit) {
  const std::vector<std::string> first = {"gpt=nanochat_2025_10", "--num-iterations=6", "--max-seq-len=40",
                                          "--total-batch-size=160", "--grad-clip=0.01"};
  const auto run_first = [&](std::vector<std::string> more) {
    more.insert(more.begin(), first.begin(), first.end());
    run_well(2, more);
  };
  run_first({"--model-tag=whole"});
  run_first({"--model-tag=parts", "--save-every=3"});
  fs::remove_all(run_dir("parts") / "step_6");
  run_first({"--model-tag=parts", "--resume=auto"});
  const auto losses = metric("whole", "loss");
  ASSERT_EQ(losses.size(), 6U);
  EXPECT_EQ(metric("parts", "loss"), losses);
  EXPECT_EQ(weights("parts", 6), weights("whole", 6));
  for (const auto& [step, norm] : metric("whole", "train/grad_norm")) EXPECT_LT(norm, 0.0101) << step;
  run_first({"--model-tag=mean", "gpt.optimizer.grad_clip_of=mean"});
  for (const auto& [step, norm] : metric("mean", "train/grad_norm")) EXPECT_GT(norm, 0.0101) << step;
  EXPECT_NE(weights("mean", 6), weights("whole", 6));
}

TEST_F(GptDistributed, ASignalToTheLauncherWritesACheckpointOfOneStep) {
  Process launch(command(2, {"--num-iterations=1000000", "--model-tag=stop"}), options());
  ASSERT_TRUE(launch.wait_until([&] { return launch.err_so_far().find("Step 3 ") != std::string::npos; }))
      << launch.err_so_far();
  launch.send_signal(SIGTERM);
  const ProcessResult result = launch.wait();
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_NE(result.err.find("stopped by SIGTERM at step "), std::string::npos) << result.err;
  const auto newest = find_newest_valid(run_dir("stop"), [](const std::string&) {});
  ASSERT_TRUE(newest);
  EXPECT_EQ(verify_checkpoint(*newest).world_size, 2);
}

// Some schedulers tell one process only.
TEST_F(GptDistributed, ASignalToOneRankStopsAll) {
  const fs::path told = folder_ / "told";
  const std::string script =
      "if [ $RANK = 1 ]; then \"$@\" & echo $! > " + told.string() + "; wait $!; wait $!; exit $?; fi; exec \"$@\"";
  std::vector<std::string> words = command(2, {"--num-iterations=1000000", "--model-tag=stop"});
  words.insert(words.begin() + 3, {"sh", "-c", script, "sh"});
  Process launch(words, options());
  ASSERT_TRUE(launch.wait_until([&] { return launch.err_so_far().find("Step 3 ") != std::string::npos; }))
      << launch.err_so_far();
  ASSERT_EQ(::kill(std::stoi(read_file(told)), SIGINT), 0);
  const ProcessResult result = launch.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_NE(result.err.find("stopped by SIGINT at step "), std::string::npos) << result.err;
  EXPECT_TRUE(find_newest_valid(run_dir("stop"), [](const std::string&) {}));
}

TEST_F(GptDistributed, AKilledRankEndsTheOthersWithSix) {
  const fs::path victim = folder_ / "victim";
  const std::string script = "echo $$ > " + victim.string() + "$RANK; exec \"$@\"";
  std::vector<std::string> words = command(2, {"--num-iterations=1000000", "--model-tag=kill"});
  words.insert(words.begin() + 3, {"sh", "-c", script, "sh"});
  Process launch(words, options());
  ASSERT_TRUE(launch.wait_until([&] { return launch.err_so_far().find("Step 3 ") != std::string::npos; }))
      << launch.err_so_far();
  ASSERT_EQ(::kill(std::stoi(read_file(victim.string() + "1")), SIGKILL), 0);
  const ProcessResult result = launch.wait();
  EXPECT_EQ(result.exit_code, 137) << result.err;
  EXPECT_NE(result.err.find("\ntern_launch: rank 0 ended with exit code 6\n"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("\nerror: rank 0 of 2 failed in "), std::string::npos) << result.err;
  EXPECT_NE(
      result.err.find(": rank 1 (process " + std::to_string(std::stoi(read_file(victim.string() + "1"))) + " on "),
      std::string::npos)
      << result.err;
}

TEST_F(GptDistributed, WhatDoesNotFitIsRefused) {
  ProcessResult result = run(2, {"--num-iterations=1", "--total-batch-size=192"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(
      result.err.find("total_batch_size=192 is not a multiple of 128 tokens (device_batch_size 2 x 32 x 2 ranks), "
                      "in the configuration, use total_batch_size=256"),
      std::string::npos)
      << result.err;
  result = run(2, {"--num-iterations=1", "--data=" + (folder_ / "none.jsonl").string()});
  EXPECT_EQ(result.exit_code, 3) << "the cause, which every rank has, and not a consequence: " << result.err;
}

// The weights are the same on every rank, the optimizer's state is shared out anew, the data goes on at a row group.
TEST_F(GptDistributed, ResumesWithAnotherNumberOfRanks) {
  run_well(2, {"--num-iterations=6", "--model-tag=run", "--save-every=2"});
  fs::remove_all(run_dir("run") / "step_6");
  fs::remove_all(run_dir("run") / "step_4");
  for (const int ranks : {3, 1}) {
    const ProcessResult result =
        run(ranks, {"--num-iterations=6", "--model-tag=run", "--save-every=2", "--resume=auto"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::string saved_by = ranks == 3 ? "2" : "3";
    EXPECT_NE(result.err.find("the checkpoint of " + saved_by + " ranks is shared out over " + std::to_string(ranks)),
              std::string::npos)
        << result.err;
    EXPECT_EQ(verify_checkpoint(run_dir("run") / "step_6").world_size, ranks);
    for (const auto& [at, loss] : metric("run", "loss")) EXPECT_LT(loss, 6) << at;
    fs::remove_all(run_dir("run") / "step_6");
  }
}

// An export is for one rank, whatever number of ranks wrote the checkpoint.
TEST_F(GptDistributed, ExportsToNanochatAsOneRank) {
  for (const int ranks : {1, 2}) {
    const std::string tag = "of" + std::to_string(ranks);
    run_well(ranks, {"--total-batch-size=128", "--num-iterations=3", "--model-tag=" + tag});
    const ProcessResult result =
        run_process({TERN_BIN "/tern_ckpt", "export-nanochat", run_dir(tag), folder_ / ("nanochat_" + tag)});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  for (const std::string file : {"model_000003.pt", "optim_000003_rank0.pt"}) {
    EXPECT_EQ(read_file(folder_ / ("nanochat_of2/" + file)), read_file(folder_ / ("nanochat_of1/" + file))) << file;
  }
}

}  // namespace
}  // namespace tern::test
