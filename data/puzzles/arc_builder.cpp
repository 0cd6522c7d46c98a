#include "data/puzzles/arc_builder.h"

#include <chrono>

#include "base/error.h"
#include "data/puzzles/h5_dataset_writer.h"
#include "data/puzzles/npy_dataset_writer.h"
#include "data/puzzles/staged_output.h"

namespace tern::puzzles {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_single_file(const ArcBuildOptions& options) {
  return options.container != Container::npy && options.output.extension() == ".h5";
}

// Replacing a folder must never take the puzzles with it that the dataset is made from.
void refuse_output_around_inputs(const ArcBuildOptions& options) {
  const fs::path output = fs::weakly_canonical(fs::absolute(options.output));
  const fs::path inputs = fs::weakly_canonical(fs::absolute(options.plan.input_file_prefix)).parent_path();
  for (fs::path folder = inputs; folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder != output) continue;
    throw Error(ErrorKind::data, "output folder contains the input files", output.string(),
                "choose another --output-dir");
  }
}

ArcPlan make_plan(const ArcPlanOptions& options, const BuildHooks& hooks) {
  ArcPlanHooks plan_hooks;
  plan_hooks.warn = hooks.warn;
  plan_hooks.progress = [&](const std::string& subset, int64_t done, int64_t total) {
    if (hooks.stop_requested()) throw BuildStopped();
    hooks.progress({"Plan " + subset, "puzzles", done, total});
  };
  return plan_arc_dataset(options, plan_hooks);
}

void refuse_overlaps(const std::vector<Overlap>& overlaps) {
  if (overlaps.empty()) return;
  const Overlap& first = overlaps.front();
  throw Error(ErrorKind::data, std::to_string(overlaps.size()) + " held-out pairs also occur in train",
              "first: " + first.test + " equals " + first.train + " after a symmetry and recolouring",
              "remove the puzzles, or use --on-overlap report");
}

void write(const ArcPlan& plan, const ArcBuildOptions& options, const StagedOutput& output,
           const WriteOptions& write_options) {
  const fs::path h5_file = is_single_file(options) ? output.file() : output.folder() / "dataset.h5";
  switch (options.container) {
    case Container::npy: write_npy_dataset(plan, output.folder(), write_options); break;
    case Container::h5: write_h5_dataset(plan, h5_file, write_options); break;
    case Container::lazy: write_lazy_dataset(plan, h5_file, write_options); break;
  }
}

void require_read_back(bool condition, const std::string& what, const fs::path& path) {
  if (!condition) throw Error(ErrorKind::data, "the written dataset doesn't read back: " + what, path.string());
}

// Opens what was written as a reader would, which checks headers, sizes and indices, and compares it with the plan.
void check_written(const ArcPlan& plan, const fs::path& path) {
  for (const ArcSplit& planned : plan.splits) {
    const Split split = open_split(path, planned.name);
    const std::string name = planned.name + " split";
    require_read_back(split.sets.size() == 1, name + " has not one set", path);
    const PuzzleSet& set = *split.sets.front().set;
    require_read_back(set.puzzle_identifiers == planned.set.puzzle_identifiers &&
                          set.puzzle_indices == planned.set.puzzle_indices &&
                          set.group_indices == planned.set.group_indices,
                      name + " has other indices", path);
    // The last row is the one that a file cut short would lack.
    const int64_t last = set.num_examples() - 1;
    std::vector<int32_t> rows(2 * kArcSeqLen);
    std::vector<int32_t> expected(2 * kArcSeqLen);
    set.read_rows(std::span(&last, 1), rows.data(), rows.data() + kArcSeqLen);
    planned.set.read_rows(std::span(&last, 1), expected.data(), expected.data() + kArcSeqLen);
    require_read_back(rows == expected, name + " has another last example", path);
  }
  require_read_back(read_identifiers_json(path) == plan.identifiers_json, "identifiers.json differs", path);
  require_read_back(read_test_puzzles_json(path) == plan.test_puzzles_json, "test_puzzles.json differs", path);
}

int64_t count_bytes(const fs::path& folder) {
  int64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

BuildSummary summarize(ArcPlan plan, const ArcBuildOptions& options) {
  BuildSummary summary;
  summary.output = options.output;
  for (const ArcSplit& split : plan.splits) {
    summary.splits.push_back(
        {split.name, split.metadata.total_groups, split.metadata.total_puzzles, split.set.num_examples()});
    summary.identifiers = split.metadata.num_puzzle_identifiers;
  }
  summary.puzzles_short_of_augmentations = plan.puzzles_short_of_augmentations;
  summary.num_test_pairs = plan.num_test_pairs;
  summary.overlaps = std::move(plan.overlaps);
  return summary;
}

}  // namespace

BuildSummary build_arc_dataset(const ArcBuildOptions& options, const BuildHooks& hooks) {
  const Clock::time_point start = Clock::now();
  refuse_output_around_inputs(options);
  StagedOutput output(options.output,
                      is_single_file(options) ? StagedOutput::Kind::single_file : StagedOutput::Kind::folder,
                      options.force);
  ArcPlan plan = make_plan(options.plan, hooks);
  if (plan.splits.size() < 2) {
    hooks.warn("no test split: none of the subsets is the test set " + options.plan.test_set_name);
  }
  if (options.fail_on_overlap) refuse_overlaps(plan.overlaps);
  const double plan_seconds = seconds_since(start);

  int64_t num_examples = 0;
  for (const ArcSplit& split : plan.splits) num_examples += split.set.num_examples();
  WriteOptions write_options;
  write_options.threads = options.threads;
  write_options.progress = [&](int64_t done) {
    if (hooks.stop_requested()) throw BuildStopped();
    hooks.progress({"Write", "examples", done, num_examples});
  };
  const Clock::time_point write_start = Clock::now();
  write(plan, options, output, write_options);
  const double write_seconds = seconds_since(write_start);

  check_written(plan, is_single_file(options) ? output.file() : output.folder());
  BuildSummary summary = summarize(std::move(plan), options);
  summary.bytes = count_bytes(output.folder());
  if (hooks.stop_requested()) throw BuildStopped();
  output.commit();
  summary.plan_seconds = plan_seconds;
  summary.write_seconds = write_seconds;
  summary.total_seconds = seconds_since(start);
  return summary;
}

}  // namespace tern::puzzles
