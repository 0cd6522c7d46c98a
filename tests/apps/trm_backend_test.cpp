// attention.backend=auto: a run that is started again computes attention as it was begun, whatever would be the fastest
// now, and says in one line what it does.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/writer.h"
#include "tests/apps/trm_run.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

Words until(int epochs) {
  return {"epochs=" + std::to_string(epochs), "eval_interval=4"};
}

std::string saved_backend(const fs::path& run, int64_t step) {
  return load_checkpoint(run / step_folder(step), 0, 1).counters.at("task").at("attention_backend");
}

// As if the run had been begun on a machine where auto chose this backend.
void rewrite_backend(const fs::path& run, int64_t step, const std::string& backend) {
  Snapshot snapshot = load_checkpoint(run / step_folder(step), 0, 1);
  snapshot.counters["task"]["attention_backend"] = backend;
  CheckpointWriter writer(run, {}, [](const std::string& text) { ADD_FAILURE() << text; });
  writer.save(snapshot);
  writer.wait();
}

// The line about attention; there must be one only.
std::string attention_line(const ProcessResult& result) {
  std::string found;
  for (size_t begin = 0; begin < result.err.size();) {
    const size_t end = std::min(result.err.find('\n', begin), result.err.size());
    const std::string line = result.err.substr(begin, end - begin);
    if (line.find("attention") != std::string::npos) {
      EXPECT_TRUE(found.empty()) << line;
      found = line;
    }
    begin = end + 1;
  }
  return found;
}

TEST(TrmBackend, IsKeptByAResumedRun) {
  const TrmFolder folder;
  const ProcessResult begun = folder.train_well("run", until(4));
  EXPECT_TRUE(contains(attention_line(begun), "attention: fused, the fastest that agrees with the math path (fused "))
      << begun.err;
  EXPECT_EQ(saved_backend(folder.path() / "run", 24), "fused");
  EXPECT_EQ(attention_line(folder.train_well("run", until(8))), "attention: fused, as when the run began");
}

TEST(TrmBackend, IsKeptThoughAnotherWouldBeChosenNow) {
  const TrmFolder folder;
  folder.train_well("run", until(4));
  rewrite_backend(folder.path() / "run", 24, "math");
  EXPECT_EQ(attention_line(folder.train_well("run", until(8))), "attention: math, as when the run began");
  EXPECT_EQ(saved_backend(folder.path() / "run", 48), "math");
  Words configured = until(12);
  configured.emplace_back("attention.backend=fused");
  EXPECT_EQ(attention_line(folder.train_well("run", configured)), "attention: fused, as configured");
}

TEST(TrmBackend, IsChosenAnewWhereItNoLongerPasses) {
  const TrmFolder folder;
  folder.train_well("run", until(4));
  rewrite_backend(folder.path() / "run", 24, "flash");
  const std::string line = attention_line(folder.train_well("run", until(8)));
  EXPECT_TRUE(contains(line, "attention: fused, the fastest that agrees with the math path (fused ")) << line;
  EXPECT_TRUE(contains(line, "; not flash as when the run began, which can't: it needs a GPU")) << line;
  EXPECT_EQ(saved_backend(folder.path() / "run", 48), "fused");
}

TEST(TrmBackend, IsNoneOfAModelWithoutAttention) {
  const TrmFolder folder;
  Words options = until(4);
  options.emplace_back("arch.mlp_t=True");
  options.emplace_back("arch.pos_encodings=none");
  EXPECT_EQ(attention_line(folder.train_well("run", options)), "");
  const Snapshot snapshot = load_checkpoint(folder.path() / "run" / step_folder(24), 0, 1);
  EXPECT_FALSE(snapshot.counters.at("task").contains("attention_backend"));
}

}  // namespace
}  // namespace tern::test
