// gpt_train as a user runs it, on a small text with a small tokenizer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/text/tokenizer.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

class GptTrain : public testing::Test {
 protected:
  GptTrain() {
    fs::create_directories(folder_ / "tokenizer");
    std::vector<std::string> bytes;
    for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
    text::Tokenizer(bytes).write(folder_ / "tokenizer/ranks.tiktoken");
    std::ofstream file(folder_ / "text.jsonl");
    for (int i = 0; i < 80; ++i) file << R"({"text": "a rose is a rose is a rose )" << i << "\"}\n";
  }

  [[nodiscard]] ProcessResult run(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"/usr/bin/env",
                                          "TERN_BASE_DIR=" + folder_.path().string(),
                                          TERN_BIN "/gpt_train",
                                          "--depth=3",
                                          "--aspect-ratio=8",
                                          "--head-dim=12",
                                          "--max-seq-len=32",
                                          "--device-batch-size=2",
                                          "--total-batch-size=128",
                                          "--eval-tokens=64",
                                          "--sample-every=-1",
                                          "gpt.forward_dtype=float32",
                                          "--threads=1",
                                          "--data=" + (folder_ / "text.jsonl").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_process(arguments);
  }

  // Loss by step.
  [[nodiscard]] std::map<int64_t, double> losses(const std::string& tag) const {
    std::map<int64_t, double> result;
    std::ifstream file(folder_ / "models" / tag / "metrics.jsonl");
    for (std::string line; std::getline(file, line);) {
      const auto json = nlohmann::json::parse(line);
      if (json.at("kind") == "step") result[json.at("step").get<int64_t>()] = json.at("loss").get<double>();
    }
    return result;
  }

  TempFolder folder_;
};

TEST_F(GptTrain, TrainsEvaluatesAndSaves) {
  const ProcessResult result = run({"--num-iterations=12", "--eval-every=6", "--sample-every=12"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("the CORE metric is left out"), std::string::npos) << result.err;
  EXPECT_TRUE(fs::exists(folder_ / "models/d3/step_12/model.safetensors"));
  EXPECT_TRUE(fs::exists(folder_ / "models/d3/samples.txt"));
  const std::string metrics = read_file(folder_ / "models/d3/metrics.jsonl");
  EXPECT_NE(metrics.find("val/bpb"), std::string::npos);
}

TEST_F(GptTrain, ResumesBitForBit) {
  ASSERT_EQ(run({"--num-iterations=8", "--eval-every=-1", "--model-tag=whole"}).exit_code, 0);
  ASSERT_EQ(run({"--num-iterations=8", "--eval-every=-1", "--model-tag=parts", "--save-every=4"}).exit_code, 0);
  fs::remove_all(folder_ / "models/parts/step_8");
  const ProcessResult resumed =
      run({"--num-iterations=8", "--eval-every=-1", "--model-tag=parts", "--resume-from-step=4"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  const auto whole = losses("whole");
  EXPECT_EQ(whole.size(), 8U);
  EXPECT_EQ(losses("parts"), whole);
  EXPECT_EQ(read_file(folder_ / "models/parts/step_8/model.safetensors"),
            read_file(folder_ / "models/whole/step_8/model.safetensors"));
}

TEST_F(GptTrain, ExportsToNanochat) {
  ASSERT_EQ(run({"--num-iterations=3", "--eval-every=-1"}).exit_code, 0);
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
  ProcessResult result = run({"--num-iterations=1", "--total-batch-size=100"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with("error: total_batch_size=100 is not a multiple of 64 tokens")) << result.err;
  result = run({"--num-iterations=1", "--data=" + (folder_ / "none.jsonl").string()});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  fs::remove(folder_ / "tokenizer/ranks.tiktoken");
  result = run({"--num-iterations=1"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_NE(result.err.find("ranks.tiktoken"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tern::test
