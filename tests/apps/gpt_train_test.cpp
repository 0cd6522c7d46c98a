// gpt_train as a user runs it, on a small text with a small tokenizer.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "tests/apps/gpt_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

using GptTrain = GptRun;

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

TEST_F(GptTrain, ErrorsAreOneLineWithTheRightExitCode) {
  ProcessResult result = train({"--num-iterations=1", "--total-batch-size=100"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with("error: total_batch_size=100 is not a multiple of 64 tokens")) << result.err;
  result = train({"--num-iterations=1", "--data=" + (folder_ / "none.jsonl").string()});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  fs::remove(folder_ / "tokenizer/ranks.tiktoken");
  result = train({"--num-iterations=1"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.err.find("ranks.tiktoken"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tern::test
