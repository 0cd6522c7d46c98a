#include "engine/checkpoint/store.h"

#include <limits>
#include <set>

#include "engine/checkpoint/layout.h"
#include "engine/checkpoint/publish.h"
#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/retention.h"
#include "engine/checkpoint/run_folder.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

using Names = std::set<std::string>;

TEST(Layout, OnlyStepFoldersAreCheckpoints) {
  EXPECT_EQ(parse_step_folder("step_0"), 0);
  EXPECT_EQ(parse_step_folder(step_folder(123456789012)), 123456789012);
  for (const char* name : {"step_", "step_01", "step_-1", "step_+1", "step_1.writing", "step_1 ", "Step_1", "1",
                           "step_99999999999999999999"}) {
    EXPECT_EQ(parse_step_folder(name), std::nullopt) << name;
  }
  EXPECT_EQ(strip_suffix("step_3.replaced", kReplacedSuffix), "step_3");
  EXPECT_EQ(strip_suffix("notes.replaced", kReplacedSuffix), std::nullopt);
}

TEST(Store, WritesTheFilesOfTheFormat) {
  const TempFolder run;
  const Manifest manifest = write_checkpoint(run.path(), make_snapshot(7));
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
  EXPECT_EQ(names_in(run.path() / "step_7"),
            (Names{"manifest.json", "model.safetensors", "ema.safetensors", "optimizer.rank0-of-1.safetensors",
                   "state.rank0-of-1.safetensors"}));
  EXPECT_EQ(manifest.step, 7);
  EXPECT_EQ(manifest.files.size(), 4U);
  EXPECT_EQ(manifest_text(read_manifest(run.path() / "step_7")), manifest_text(manifest));
}

TEST(Store, RoundTripsEverything) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(7));
  expect_same(load_checkpoint(run.path() / "step_7", 0, 1), make_snapshot(7));
  Snapshot without_ema = make_snapshot(8);
  without_ema.ema.clear();
  write_checkpoint(run.path(), without_ema);
  expect_same(load_checkpoint(run.path() / "step_8", 0, 1), without_ema);
}

TEST(Store, LoadedTensorsOwnTheirMemory) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(7));
  const Snapshot loaded = load_checkpoint(run.path() / "step_7", 0, 1);
  fs::remove_all(run.path() / "step_7");
  loaded.model[0].second.add_(1);  // writable, too
  EXPECT_EQ(loaded.model[0].second.select(0, 0).select(0, 0).item<float>(), 8.5F);
}

TEST(Store, ReplacesAnExistingStep) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(7));
  Snapshot again = make_snapshot(7);
  again.config_yaml = "second: true\n";
  EXPECT_EQ(write_checkpoint(run.path(), again).sequence, 2);
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
  expect_same(load_checkpoint(run.path() / "step_7", 0, 1), again);
}

// What publish does where the file system can't exchange two names.
TEST(Store, ReplacesByTwoRenames) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(7));
  write_checkpoint(run.path(), make_snapshot(8));
  fs::rename(run.path() / "step_8", run.path() / "step_7.writing");
  fs::create_directory(run.path() / "step_7.replaced");  // of an earlier crash
  replace_by_two_renames(run.path() / "step_7.writing", run.path() / "step_7");
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
  EXPECT_EQ(load_checkpoint(run.path() / "step_7", 0, 1).step, 8);
  expect_checkpoint_error([&] { replace_by_two_renames(run.path() / "none", run.path() / "step_7"); }, {"none"});
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
  EXPECT_EQ(load_checkpoint(run.path() / "step_7", 0, 1).step, 8);
}

TEST(Store, FailingWriteLeavesTheOldOnesAlone) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(7));
  Snapshot bad = make_snapshot(7);
  bad.state.emplace_back("rng.cpu", counting(at::ScalarType::Byte, {1}));
  expect_checkpoint_error([&] { write_checkpoint(run.path(), bad); }, {"rng.cpu", "twice", "state.rank0-of-1"});
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
  expect_same(load_checkpoint(run.path() / "step_7", 0, 1), make_snapshot(7));
}

TEST(Store, RepairRemovesHalfWrittenAndHalfDeletedFolders) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(1));
  for (const char* name : {"step_1.writing", "step_2.writing", "step_1.deleting", "step_1.replaced"}) {
    fs::create_directory(run.path() / name);
    write_bytes(run.path() / name / "model.safetensors", "half");
  }
  fs::create_directory(run.path() / "notes.writing");  // not ours
  Messages messages;
  repair_run_folder(run.path(), messages.callback());
  EXPECT_EQ(names_in(run.path()), (Names{"step_1", "notes.writing"}));
  EXPECT_EQ(messages.text(), "");
}

TEST(Store, RepairFinishesAnInterruptedReplacement) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(1));
  fs::rename(run.path() / "step_1", run.path() / "step_1.replaced");  // killed between the two renames
  fs::create_directory(run.path() / "step_1.writing");
  Messages messages;
  EXPECT_EQ(newest_valid_checkpoint(run.path(), messages.callback()), run.path() / "step_1");
  EXPECT_EQ(names_in(run.path()), Names{"step_1"});
  expect_same(load_checkpoint(run.path() / "step_1", 0, 1), make_snapshot(1));
}

TEST(Store, WeightsFolderIsVerifiedButNoRunsState) {
  const TempFolder run;
  write_weights_folder(run.path() / "imported" / "", make_snapshot(3).model);  // a trailing slash
  EXPECT_EQ(names_in(run.path()), Names{"imported"});
  EXPECT_EQ(verify_checkpoint(run.path() / "imported").files.size(), 1U);
  expect_checkpoint_error([&] { (void)load_checkpoint(run.path() / "imported", 0, 1); },
                          {"no state.rank0-of-1", "weights only", "load_checkpoint"});
  expect_checkpoint_error([&] { write_weights_folder(run.path() / "imported", make_snapshot(3).model); },
                          {"already exists", "imported"});
}

Snapshot with_metric(int64_t step, double value) {
  Snapshot snapshot = make_snapshot(step);
  snapshot.metrics = {{"score", value}};
  return snapshot;
}

void save_and_retain(const fs::path& run, const Snapshot& snapshot, const RetentionPolicy& policy) {
  write_checkpoint(run, snapshot);
  Messages messages;
  apply_retention(run, policy, run / step_folder(snapshot.step), messages.callback());
  EXPECT_EQ(messages.text(), "");
}

TEST(Retention, KeepsTheNewest) {
  const TempFolder run;
  for (int64_t step = 1; step <= 5; ++step) save_and_retain(run.path(), make_snapshot(step), {.keep_last = 2});
  EXPECT_EQ(names_in(run.path()), (Names{"step_4", "step_5"}));
}

TEST(Retention, ZeroKeepsAll) {
  const TempFolder run;
  for (int64_t step = 1; step <= 5; ++step) save_and_retain(run.path(), make_snapshot(step), {.keep_last = 0});
  EXPECT_EQ(names_in(run.path()).size(), 5U);
}

TEST(Retention, KeepsTheBestBesideTheNewest) {
  const TempFolder run;
  const RetentionPolicy policy{.keep_last = 1, .best_metric = "score"};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double scores[] = {0.1, 0.7, 0.3, 0.7, nan, 0.6};  // the first 0.7 stays the best
  for (int64_t step = 1; step <= 6; ++step) save_and_retain(run.path(), with_metric(step, scores[step - 1]), policy);
  EXPECT_EQ(names_in(run.path()), (Names{"step_2", "step_6"}));
  save_and_retain(run.path(), with_metric(7, 0.8), policy);
  EXPECT_EQ(names_in(run.path()), Names{"step_7"});
}

TEST(Retention, LowerCanBeBetter) {
  const TempFolder run;
  const RetentionPolicy policy{.keep_last = 1, .best_metric = "score", .lower_is_better = true};
  const double losses[] = {3, 1, 2};
  for (int64_t step = 1; step <= 3; ++step) save_and_retain(run.path(), with_metric(step, losses[step - 1]), policy);
  EXPECT_EQ(names_in(run.path()), (Names{"step_2", "step_3"}));
}

// A run that went back to step 100 and goes on is newer than what it left behind at step 200.
TEST(Retention, NewestIsWhatWasWrittenLast) {
  const TempFolder run;
  for (const int64_t step : {100, 200, 110}) save_and_retain(run.path(), make_snapshot(step), {.keep_last = 2});
  EXPECT_EQ(names_in(run.path()), (Names{"step_200", "step_110"}));
  Messages messages;
  EXPECT_EQ(find_newest_valid(run.path(), messages.callback()), run.path() / "step_110");
  save_and_retain(run.path(), make_snapshot(120), {.keep_last = 2});
  EXPECT_EQ(names_in(run.path()), (Names{"step_110", "step_120"}));
}

TEST(Retention, FoldersWithoutAManifestNeitherCountNorGo) {
  const TempFolder run;
  fs::create_directory(run.path() / "step_900");
  for (int64_t step = 1; step <= 3; ++step) save_and_retain(run.path(), make_snapshot(step), {.keep_last = 2});
  EXPECT_EQ(names_in(run.path()), (Names{"step_900", "step_2", "step_3"}));
}

}  // namespace
}  // namespace tern::test
