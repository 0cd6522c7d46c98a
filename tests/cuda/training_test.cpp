// Training on a GPU: the same bits in every run, and through an interruption.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tests/apps/gpt_run.h"
#include "tests/apps/trm_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

TEST(TrmOnGpu, RunsAndResumesBitForBit) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const TrmFolder folder;
  const Words options = {"device=cuda", "arch.hidden_size=128", "arch.forward_dtype=bfloat16", "checkpoint_interval=20",
                         "keep_checkpoints=0"};
  folder.train_well("whole", options);
  folder.train_well("again", options);
  folder.expect_same_run("again", "whole");

  fs::copy(folder.path() / "whole", folder.path() / "parts", fs::copy_options::recursive);
  for (const int64_t step : folder.checkpoints("parts")) {
    if (step > 20) fs::remove_all(folder.path() / "parts" / ("step_" + std::to_string(step)));
  }
  folder.train_well("parts", options);
  folder.expect_same_run("parts", "whole");
}

class GptOnGpu : public GptRun {
 protected:
  [[nodiscard]] ProcessResult train_on_gpu(const std::string& tag, const std::vector<std::string>& more) const {
    std::vector<std::string> flags = {"--device=cuda",          "--head-dim=64",      "--aspect-ratio=64",
                                      "--max-seq-len=256",      "--model-tag=" + tag, "gpt.forward_dtype=bfloat16",
                                      "--total-batch-size=512", "--num-iterations=8", "--eval-every=-1"};
    flags.insert(flags.end(), more.begin(), more.end());
    return train(flags);
  }
};

TEST_F(GptOnGpu, RunsAndResumesBitForBit) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const ProcessResult whole = train_on_gpu("whole", {});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  ASSERT_EQ(train_on_gpu("parts", {"--save-every=4"}).exit_code, 0);
  EXPECT_EQ(losses("parts"), losses("whole"));
  fs::remove_all(folder_ / "models/parts/step_8");
  const ProcessResult resumed = train_on_gpu("parts", {"--resume-from-step=4"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(losses("parts"), losses("whole"));
  EXPECT_EQ(read_file(folder_ / "models/parts/step_8/model.safetensors"),
            read_file(folder_ / "models/whole/step_8/model.safetensors"));
}

}  // namespace
}  // namespace tern::test
