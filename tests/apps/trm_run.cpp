#include "tests/apps/trm_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/file.h"
#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/reader.h"

namespace fs = std::filesystem;

namespace tern::test {

namespace {

const Words kModel = {"arch.hidden_size=16", "arch.num_heads=2",      "arch.puzzle_emb_len=1",     "arch.H_cycles=2",
                      "arch.L_cycles=1",     "arch.halt_max_steps=3", "arch.forward_dtype=float32"};
// 72 steps are planned; each of the three iterations gives 24.
const Words kSchedule = {"global_batch_size=4", "epochs=12", "eval_interval=4", "lr=1e-3",
                         "lr_warmup_steps=2",   "ema=True",  "ema_rate=0.9"};
const Words kPlace = {"data_paths=[data]", "evaluators=[]", "threads=1", "device=cpu", "log_interval=10"};

void expect_equal_bits(const TensorList& actual, const TensorList& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].first, expected[i].first);
    const at::Tensor a = actual[i].second.contiguous();
    const at::Tensor b = expected[i].second.contiguous();
    ASSERT_EQ(a.sizes(), b.sizes()) << actual[i].first;
    EXPECT_EQ(std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()), 0) << actual[i].first;
  }
}

}  // namespace

std::string program(const std::string& name) {
  return std::string(TERN_BIN) + "/" + name;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Words TrmFolder::command(const std::string& run, const Words& options) const {
  Words all = {program("trm_train"), "checkpoint_path=" + run, "run_name=test"};
  for (const Words& words : {kModel, kSchedule, kPlace, options}) all.insert(all.end(), words.begin(), words.end());
  return all;
}

Words TrmFolder::build_arc() const {
  write_tiny_arc_json(path() / "raw");
  const ProcessResult built =
      run_process({program("arc_build"), "--input-file-prefix", "raw/mini", "--output-dir", "arc", "--subsets",
                   "training", "evaluation", "--test-set-name", "evaluation", "--num-aug", "1"},
                  here());
  EXPECT_EQ(built.exit_code, 0) << built.err;
  return {"data_paths=[arc]", "evaluators=[{name: arc@ARC}]", "epochs=2", "eval_interval=1",
          "arch.H_cycles=1",  "arch.halt_max_steps=2"};
}

ProcessResult TrmFolder::train(const std::string& run, const Words& options) const {
  return run_process(command(run, options), here());
}

ProcessResult TrmFolder::train_well(const std::string& run, const Words& options) const {
  ProcessResult result = train(run, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result;
}

std::string TrmFolder::metrics(const std::string& run) const {
  std::istringstream lines(read_file(path() / run / "metrics.jsonl"));
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::ordered_json::parse(line);
    EXPECT_EQ(row.erase("timing"), 1U) << line;
    all += row.dump() + "\n";
  }
  return all;
}

std::vector<nlohmann::json> TrmFolder::rows(const std::string& run, const std::string& kind) const {
  std::istringstream lines(read_file(path() / run / "metrics.jsonl"));
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::json::parse(line);
    if (row.at("kind") == kind) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<int64_t> TrmFolder::checkpoints(const std::string& run) const {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(path() / run)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("step_") || contains(name, "preds")) continue;
    const auto step = parse_step_folder(name);
    EXPECT_TRUE(step) << "left over: " << name;
    if (step) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void TrmFolder::expect_same_run(const std::string& actual, const std::string& expected) const {
  EXPECT_EQ(metrics(actual), metrics(expected));
  const auto last = [&](const std::string& run) {
    const auto steps = checkpoints(run);
    EXPECT_FALSE(steps.empty());
    return load_checkpoint(path() / run / step_folder(steps.empty() ? 0 : steps.back()), 0, 1);
  };
  const Snapshot a = last(actual);
  const Snapshot b = last(expected);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.counters, b.counters);
  EXPECT_EQ(a.metrics, b.metrics);
  expect_equal_bits(a.model, b.model);
  expect_equal_bits(a.ema, b.ema);
  expect_equal_bits(a.optimizer, b.optimizer);
  expect_equal_bits(a.state, b.state);
}

}  // namespace tern::test
