// gpt_eval as a user runs it: it measures what gpt_train measured.
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/file.h"
#include "tests/apps/gpt_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

class GptEval : public GptRun {
 protected:
  GptEval() {
    fs::copy(fs::path(TERN_TEST_REFERENCE) / "core/bundle", folder_ / "eval_bundle", fs::copy_options::recursive);
  }

  [[nodiscard]] ProcessResult evaluate(std::vector<std::string> more) const {
    more.insert(more.end(), {"--device-batch-size=2", "--data=" + (folder_ / "text.jsonl").string(), "--threads=1"});
    return start("gpt_eval", more);
  }

  void train_with_core() {
    const ProcessResult result =
        train({"--num-iterations=20", "--max-seq-len=256", "--total-batch-size=512", "--eval-tokens=1024",
               "--eval-every=20", "--core-metric-every=20", "--core-metric-max-per-task=11"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
};

TEST_F(GptEval, MeasuresWhatTrainingMeasured) {
  train_with_core();
  const ProcessResult result = evaluate({"--split-tokens=1030", "--max-per-task=11"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("split-tokens is taken as 1024, a multiple of 512\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find(fmt::format("val bpb: {:.6f}\n", last_metric("d3", "val/bpb"))), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("train bpb: "), std::string::npos);
  const double core = last_metric("d3", "core/metric");
  EXPECT_NE(result.out.find(fmt::format("CORE metric: {:.4f}, written to ", core)), std::string::npos) << result.out;
  const std::string table = read_file(folder_ / "base_eval/base_model_000020.csv");
  EXPECT_TRUE(table.starts_with("Task                               , Accuracy  , Centered  \n")) << table;
  EXPECT_NE(table.find(fmt::format("CORE                               ,           , {:<10.6f}\n", core)),
            std::string::npos)
      << table;
  EXPECT_NE(result.out.find("\nThe capital of France is"), std::string::npos);
  EXPECT_NE(result.out.find("Unconditioned samples:\n"), std::string::npos);
}

// Batches of the kind that the model was trained on.
TEST_F(GptEval, MeasuresTheFirstReleaseOnItsOwnBatches) {
  std::map<std::string, std::string> bits;
  for (const std::string packing : {"stream", "best_fit"}) {
    const ProcessResult trained =
        train({"gpt=nanochat_2025_10", "--num-iterations=4", "--eval-every=4", "--eval-tokens=128",
               "gpt.loader.packing=" + packing, "--model-tag=" + packing});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    const ProcessResult result = evaluate({"--eval=bpb", "--split-tokens=128", "--model-tag=" + packing});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    bits[packing] = fmt::format("val bpb: {:.6f}\n", last_metric(packing, "val/bpb"));
    EXPECT_NE(result.out.find(bits[packing]), std::string::npos) << bits[packing] << result.out;
  }
  EXPECT_NE(bits["stream"], bits["best_fit"]);
}

TEST_F(GptEval, AddsToTheReport) {
  train_with_core();
  ASSERT_EQ(evaluate({"--eval=bpb,core", "--split-tokens=512", "--max-per-task=11"}).exit_code, 0);
  const std::string report = read_file(folder_ / "report/report.md");
  const size_t training = report.find("## Base model training\n"), loss = report.find("## Base model loss\n"),
               core = report.find("## Base model evaluation\n");
  ASSERT_TRUE(training < loss && loss < core && core < report.find("## Summary\n")) << report;
  EXPECT_NE(report.find("- depth: 3\n"), std::string::npos) << report;
  EXPECT_NE(report.find("- Calculated number of iterations: 20\n- Number of training tokens: 10,240\n"),
            std::string::npos)
      << report;
  EXPECT_NE(report.find(fmt::format("- Final validation bpb: {:.4f}\n", last_metric("d3", "val/bpb"))),
            std::string::npos)
      << report;
  EXPECT_NE(report.find(fmt::format("- val bpb: ")), std::string::npos);
  EXPECT_NE(report.find(fmt::format("| CORE            | {:<8.4f} |\n", last_metric("d3", "core/metric"))),
            std::string::npos)
      << report;
}

TEST_F(GptEval, DoesWhatItIsAskedFor) {
  train_with_core();
  const ProcessResult bits = evaluate({"--eval", " bpb", "--split-tokens=512"});
  EXPECT_EQ(bits.exit_code, 0) << bits.err;
  EXPECT_EQ(bits.out.find("CORE"), std::string::npos);
  EXPECT_EQ(bits.out.find("samples"), std::string::npos);
  fs::remove_all(folder_ / "eval_bundle");
  const ProcessResult without = evaluate({"--split-tokens=512"});
  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_NE(without.err.find("the CORE metric is left out"), std::string::npos) << without.err;
  expect_error(evaluate({"--eval=core"}), 3, "");
  const std::string nanochat = folder_ / "nanochat";
  ASSERT_EQ(start("tern_ckpt", {"export-nanochat", folder_ / "models/d3", nanochat}).exit_code, 0);
  const ProcessResult exported = evaluate({"--eval=bpb", "--split-tokens=512", "--checkpoint", nanochat});
  const std::string numbers = bits.out.substr(bits.out.find("train bpb"));
  EXPECT_EQ(exported.out.substr(exported.out.find("train bpb")), numbers);
}

// A type that costs nothing, and one that rounds.
TEST_F(GptEval, SaysWhatTheDecodersMatricesCost) {
  train_with_core();
  const auto cost = [&](const std::string& type) {
    const ProcessResult result = evaluate({"--eval=bpb", "--split-tokens=512", "--decode-dtype=" + type});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const std::string line = "val bpb with " + type + " matrices: ";
    const size_t at = result.out.find(line);
    EXPECT_NE(at, std::string::npos) << result.out;
    return at == std::string::npos ? "" : result.out.substr(result.out.find('(', at), 11);
  };
  EXPECT_EQ(cost("float32"), "(+0.000000)");
  EXPECT_NE(cost("int8"), "(+0.000000)");
  expect_error(evaluate({"--eval=bpb", "--decode-dtype=fp4"}), 2, "decode_dtype=fp4 is unknown");
}

TEST_F(GptEval, ErrorsAreOneLineWithTheRightExitCode) {
  expect_error(evaluate({"--eval=bpc"}), 2, "nothing to evaluate is called 'bpc', --eval");
  expect_error(evaluate({"--eval="}), 2, "nothing to evaluate, --eval");
  expect_error(evaluate({"--device-type=tpu"}), 2, "no device is called 'tpu', --device-type, use cpu or cuda");
  expect_error(evaluate({}), 4, "no models, ");
  train_with_core();
  expect_error(evaluate({"--eval=bpb", "--split-tokens=0"}), 2, "0 is outside 1 to ");
  std::ofstream(folder_ / "text.jsonl") << "{";
  expect_error(evaluate({"--eval=bpb", "--split-tokens=512"}), 3, "");
}

}  // namespace
}  // namespace tern::test
