// Real trm_train runs on a tiny dataset with a tiny model: about 70 steps, a second each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_dataset.h"

namespace tern::test {

using Words = std::vector<std::string>;

// A folder with a dataset `data` in it, where runs are made. Options given later win over the tiny defaults (`model`
// and `schedule` below).
class TrmFolder {
 public:
  TrmFolder() { write_tiny_dataset(path() / "data"); }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

  // Builds the dataset `arc` out of five tiny ARC puzzles, each with one augmentation, by arc_build. Gives the options
  // of a short training on it: 900 tokens an example make its steps dear.
  [[nodiscard]] Words build_arc() const;

  // trm_train with the run folder `run`.
  [[nodiscard]] Words command(const std::string& run, const Words& options = {}) const;
  ProcessResult train(const std::string& run, const Words& options = {}) const;
  // The same, which has to end well.
  ProcessResult train_well(const std::string& run, const Words& options = {}) const;
  [[nodiscard]] ProcessOptions here() const { return {.folder = path(), .max_file_bytes = {}}; }

  // metrics.jsonl without what may differ between equal runs.
  [[nodiscard]] std::string metrics(const std::string& run) const;
  // Its rows of one kind, "step" or "eval".
  [[nodiscard]] std::vector<nlohmann::json> rows(const std::string& run, const std::string& kind) const;
  // Numbers of the step_N folders, ascending; other entries that look like one (step_3.writing) are a test failure.
  [[nodiscard]] std::vector<int64_t> checkpoints(const std::string& run) const;

  // Metrics, and weights, averages, optimizer, carry and generators of the last checkpoint, bit for bit.
  void expect_same_run(const std::string& actual, const std::string& expected) const;

 private:
  TempFolder folder_;
};

// The program that this build made.
[[nodiscard]] std::string program(const std::string& name);

[[nodiscard]] bool contains(const std::string& text, const std::string& part);

}  // namespace tern::test
