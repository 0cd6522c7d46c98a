// The program as users run it: output, exit codes, files.
#include <nlohmann/json.hpp>

#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/store.h"
#include "engine/checkpoint/torch_file.h"
#include "tests/engine/checkpoint/support.h"
#include "tests/support/process.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

ProcessResult run(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), std::string(TERN_BIN) + "/tern_ckpt");
  return run_process(arguments, options);
}

// Looks for parts in what is printed: results on stdout, errors on stderr.
void expect_result(const std::vector<std::string>& arguments, int code, const std::vector<std::string>& parts) {
  const ProcessResult result = run(arguments);
  const std::string text = result.out + result.err;
  EXPECT_EQ(result.exit_code, code) << text;
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks: " << part;
  EXPECT_EQ(code == 0, result.err.find("error: ") == std::string::npos) << text;
}

TEST(TernCkpt, HelpIsPinned) {
  const ProcessResult result = run({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, read_bytes(reference("tern_ckpt_help.txt")));
}

TEST(TernCkpt, UsageErrorsExitWithTwo) {
  expect_result({}, 2, {"error: no command given, see tern_ckpt --help"});
  expect_result({"frobnicate"}, 2, {"error: unknown command frobnicate"});
  expect_result({"inspect"}, 2, {"inspect takes 1 path(s), 0 given"});
  expect_result({"export", "a"}, 2, {"export takes 2 path(s), 1 given"});
  expect_result({"verify", "--ema", "a"}, 2, {"verify does not take --ema"});
  expect_result({"inspect", "--jason", "a"}, 2, {"jason"});
  expect_result({"export", "a", "b.txt"}, 2, {"OUT must end in .pt or .safetensors, b.txt"});
}

TEST(TernCkpt, BadFilesExitWithFour) {
  expect_result({"inspect", "/no/such/file"}, 4, {"error: no such file or folder, /no/such/file"});
  expect_result({"verify", reference("evil.pt")}, 4, {"posix.system", "evil.pt"});
  expect_result({"import", reference("old_format.pt"), "/no/such/out.safetensors"}, 4, {"before torch 1.6"});
  expect_result({"import", reference("module.pt"), "/no/such/out.safetensors"}, 4, {"/no/such/out"});
}

class TernCkptRun : public testing::Test {
 protected:
  TernCkptRun() {
    for (const int64_t step : {10, 20}) write_checkpoint(run_dir(), make_snapshot(step));
  }
  [[nodiscard]] const fs::path& run_dir() const { return folder_.path(); }
  [[nodiscard]] std::string in_run(const std::string& name) const { return (run_dir() / name).string(); }
  TempFolder folder_;
};

TEST_F(TernCkptRun, InspectsACheckpoint) {
  expect_result(
      {"inspect", in_run("step_20")}, 0,
      {"step 20", "1 process(es)", "metric ARC/pass@2 = 0.02", "ema.safetensors", "optimizer.rank0-of-1",
       "model.z.weight  float32             512 B  8 x 16", "model.a.bias    bfloat16", "seed: 0", "counters: {"});
  const auto json = nlohmann::json::parse(run({"inspect", "--json", in_run("step_20")}).out);
  EXPECT_EQ(json.at("kind"), "checkpoint");
  EXPECT_EQ(json.at("step"), 20);
  EXPECT_EQ(json.at("files").at(0).at("tensors").at(0).at("name"), "model.z.weight");
  EXPECT_EQ(json.at("config"), make_snapshot(20).config_yaml);
}

TEST_F(TernCkptRun, InspectsARunFolderAndFiles) {
  fs::create_directory(run_dir() / "step_30");
  expect_result({"inspect", run_dir()}, 0, {"newest first\n  step_20", "step_10", "step_30", "not usable"});
  expect_result({"inspect", in_run("step_20/model.safetensors")}, 0, {"safetensors file", "2 tensors"});
  expect_result({"inspect", reference("nested.pt")}, 0, {"torch file", "note  not a tensor"});
}

TEST_F(TernCkptRun, VerifiesEachCheckpoint) {
  expect_result({"verify", run_dir()}, 0, {"step_10  ok, 4 files", "step_20  ok, 4 files"});
  flip_bit(run_dir() / "step_20" / "state.rank0-of-1.safetensors", -1);
  expect_result({"verify", run_dir()}, 4,
                {"step_20  DAMAGED: file is damaged", "state.rank0-of-1", "step_10  ok", "1 of 2 checkpoints"});
  expect_result({"verify", in_run("step_20")}, 4, {"DAMAGED"});
  expect_result({"verify", in_run("step_10")}, 0, {"ok"});
}

TEST_F(TernCkptRun, ExportsRawAndAveragedWeights) {
  expect_result({"export", in_run("step_20"), in_run("raw.pt")}, 0, {"raw.pt: 2 tensors"});
  expect_same(read_torch_file(run_dir() / "raw.pt").tensors, make_snapshot(20).model);
  expect_result({"export", "--ema", "--orig-mod", run_dir(), in_run("ema.safetensors")}, 0, {", EMA"});
  const TensorList averaged = read_safetensors(run_dir() / "ema.safetensors").tensors;
  expect_same(averaged, {{"_orig_mod.model.z.weight", make_snapshot(20).ema[0].second},
                         {"_orig_mod.model.a.bias", make_snapshot(20).model[1].second}});
}

TEST_F(TernCkptRun, ImportsUpstreamsFile) {
  expect_result({"import", reference("module.pt"), in_run("w.safetensors")}, 0, {"4 tensors"});
  EXPECT_EQ(read_safetensors(run_dir() / "w.safetensors").tensors.at(1).first, "first.weight");
  expect_result({"import", reference("module.pt"), in_run("weights")}, 0, {"4 tensors"});
  EXPECT_EQ(verify_checkpoint(run_dir() / "weights").files.size(), 1U);
  expect_result({"import", reference("module.pt"), in_run("weights")}, 4, {"already exists"});
  expect_result({"import", reference("nested.pt"), in_run("n.safetensors")}, 0,
                {"note is not a tensor and stays behind"});
}

TEST_F(TernCkptRun, FullDiskLeavesTheOldFile) {
  write_bytes(in_run("out.pt"), "old");
  write_bytes(in_run("out.safetensors"), "old");
  for (const char* out : {"out.pt", "out.safetensors"}) {
    const ProcessResult result = run({"export", in_run("step_20"), in_run(out)}, {.folder = {}, .max_file_bytes = 300});
    EXPECT_EQ(result.exit_code, 4) << result.err;
    EXPECT_NE(result.err.find("error: write failed: File too large"), std::string::npos) << result.err;
    EXPECT_EQ(read_bytes(in_run(out)), "old");
    EXPECT_FALSE(fs::exists(in_run(std::string(out) + ".writing")));
  }
}

TEST_F(TernCkptRun, PathsMayHaveCommasAndSpaces) {
  fs::rename(run_dir() / "step_10", run_dir() / "a,b [c]");
  expect_result({"verify", in_run("a,b [c]")}, 0, {"a,b [c]  ok"});
}

}  // namespace
}  // namespace tern::test
