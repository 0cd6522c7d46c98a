// trm_train of a CUDA build: works on the CPU of a machine without a GPU, and says in one line that there is none.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "tests/data/puzzles/npy_dataset.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::test {
namespace {

ProcessResult train(const TempFolder& folder, const std::string& device) {
  puzzles::test::NpyDataset().write(folder.path() / "data");
  return run_process({TERN_BIN "/trm_train", "arch=trm", "data_paths=[data]", "device=" + device, "evaluators=[]",
                      "global_batch_size=2", "epochs=2", "eval_interval=2", "checkpoint_path=run", "run_name=tiny",
                      "arch.hidden_size=16", "arch.num_heads=2", "arch.puzzle_emb_len=1", "arch.H_cycles=1",
                      "arch.L_cycles=1", "arch.L_layers=1", "arch.halt_max_steps=2"},
                     {folder.path(), std::nullopt});
}

TEST(CudaProgram, TrainsOnTheCpu) {
  const TempFolder folder;
  const ProcessResult result = train(folder, "cpu");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("attention: fused, the fastest that agrees with the math path"), std::string::npos)
      << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "run" / "metrics.jsonl"));
}

TEST(CudaProgram, SaysInOneLineThatThereIsNoGpu) {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess && count > 0) GTEST_SKIP() << "there is a GPU";
  const TempFolder folder;
  const ProcessResult result = train(folder, "cuda");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "error: no CUDA device, device=cuda, use device=cpu, or the build of the cuda preset on a machine with an "
            "NVIDIA GPU\n");
}

}  // namespace
}  // namespace tern::test
