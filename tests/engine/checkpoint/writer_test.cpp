#include "engine/checkpoint/writer.h"

#include <ATen/ops/full.h>
#include <unistd.h>

#include <fstream>

#include "engine/checkpoint/reader.h"
#include "engine/checkpoint/run_folder.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;

TEST(Writer, WhatWasSavedComesBack) {
  const TempFolder folder;
  const fs::path run = folder.path() / "new" / "run";
  Messages messages;
  CheckpointWriter writer(run, {}, messages.callback());
  writer.save(make_snapshot(3));
  writer.wait();
  EXPECT_EQ(writer.last_error(), std::nullopt);
  ASSERT_TRUE(writer.last_saved());
  EXPECT_EQ(writer.last_saved()->step, 3);
  EXPECT_GT(writer.last_saved()->bytes, 500U);
  expect_same(load_checkpoint(run / "step_3", 0, 1), make_snapshot(3));
  EXPECT_EQ(messages.text(), "");
}

// The tensors change right behind save(), as training does; what is written must be the state at the call.
TEST(Writer, TheCopyIsTakenAtTheCall) {
  const TempFolder run;
  Messages messages;
  CheckpointWriter writer(run.path(), {.keep_last = 0}, messages.callback());
  at::Tensor weight = at::full({300, 1000}, 0.0, at::TensorOptions(at::ScalarType::Float));
  weight.requires_grad_(true);
  for (int64_t step = 1; step <= 20; ++step) {
    weight.data().fill_(static_cast<double>(step));
    Snapshot snapshot;
    snapshot.step = step;
    snapshot.model = {{"weight", weight}, {"view", weight.detach().t()}};
    writer.save(snapshot);
    weight.data().fill_(-1.0);
  }
  writer.wait();
  EXPECT_EQ(writer.last_error(), std::nullopt);
  for (int64_t step = 1; step <= 20; ++step) {
    const Snapshot loaded = load_checkpoint(run.path() / ("step_" + std::to_string(step)), 0, 1);
    const at::Tensor expected =
        at::full({300, 1000}, static_cast<double>(step), at::TensorOptions(at::ScalarType::Float));
    expect_same(loaded.model, {{"weight", expected}, {"view", expected.t()}});
  }
}

TEST(Writer, BuffersFollowChangedShapes) {
  const TempFolder run;
  Messages messages;
  CheckpointWriter writer(run.path(), {.keep_last = 0}, messages.callback());
  Snapshot first = make_snapshot(1);
  Snapshot second = make_snapshot(2);
  second.model = {{"other", counting(at::ScalarType::Long, {5})}};
  Snapshot third = make_snapshot(3);
  for (const Snapshot* snapshot : {&first, &second, &third}) writer.save(*snapshot);
  writer.wait();
  expect_same(load_checkpoint(run.path() / "step_1", 0, 1), first);
  expect_same(load_checkpoint(run.path() / "step_2", 0, 1), second);
  expect_same(load_checkpoint(run.path() / "step_3", 0, 1), third);
}

TEST(Writer, DestructionFinishesTheWriteInFlight) {
  const TempFolder run;
  Messages messages;
  { CheckpointWriter(run.path(), {}, messages.callback()).save(make_snapshot(9)); }
  expect_same(load_checkpoint(run.path() / "step_9", 0, 1), make_snapshot(9));
}

TEST(Writer, AppliesTheRetentionPolicy) {
  const TempFolder run;
  Messages messages;
  CheckpointWriter writer(run.path(), {.keep_last = 2, .best_metric = "ARC/pass@2", .lower_is_better = true},
                          messages.callback());
  for (int64_t step = 1; step <= 6; ++step) writer.save(make_snapshot(step));  // the metric grows with the step
  writer.wait();
  std::vector<int64_t> steps;
  for (const FoundCheckpoint& found : scan_checkpoints(run.path())) steps.push_back(found.step);
  EXPECT_EQ(steps, (std::vector<int64_t>{6, 5, 1}));
}

TEST(Writer, RefusesABadSnapshotAtTheCall) {
  const TempFolder run;
  Messages messages;
  CheckpointWriter writer(run.path(), {}, messages.callback());
  Snapshot bad = make_snapshot(1);
  bad.model.push_back(bad.model.front());
  expect_checkpoint_error([&] { writer.save(bad); }, {"model.z.weight", "twice"});
}

// The copy is looked at before anything of it is written; an objection is the reason why it isn't.
TEST(Writer, BeforeWriteMayRefuseACheckpoint) {
  const TempFolder run;
  Messages messages;
  std::vector<int64_t> seen;
  CheckpointWriter writer(run.path(), {}, messages.callback(), [&](const Snapshot& copy) {
    seen.push_back(copy.step);
    EXPECT_FALSE(fs::exists(run.path() / ("step_" + std::to_string(copy.step) + ".writing")));
    if (copy.step == 2) throw Error(ErrorKind::diverged, "w is not finite");
  });
  for (const int64_t step : {1, 2, 3}) writer.save(make_snapshot(step));
  writer.wait();
  EXPECT_EQ(seen, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(messages.text(), "checkpoint of step 2 was not written: w is not finite; older checkpoints are kept\n");
  EXPECT_EQ(scan_checkpoints(run.path()).size(), 2U);
}

TEST(Writer, OneWriterPerRunFolder) {
  const TempFolder run;
  Messages messages;
  {
    const CheckpointWriter writer(run.path(), {}, messages.callback());
    expect_checkpoint_error([&] { CheckpointWriter(run.path(), {}, messages.callback()); },
                            {"another run is writing", "checkpoint_path"});
  }
  const CheckpointWriter next(run.path(), {}, messages.callback());
}

TEST(Writer, RunFolderThatCannotBe) {
  const TempFolder folder;
  write_bytes(folder.path() / "file", "");
  Messages messages;
  expect_checkpoint_error([&] { CheckpointWriter(folder.path() / "file" / "run", {}, messages.callback()); },
                          {"create folder", "file/run"});
}

// A folder that vanishes under the run, and comes back.
TEST(Writer, ReportsAFailureAndRecovers) {
  const TempFolder folder;
  const fs::path run = folder.path() / "run";
  Messages messages;
  CheckpointWriter writer(run, {}, messages.callback());
  writer.save(make_snapshot(1));
  writer.wait();
  fs::rename(run, folder.path() / "away");
  write_bytes(run, "a file in its place");
  writer.save(make_snapshot(2));
  writer.wait();
  ASSERT_TRUE(writer.last_error());
  EXPECT_NE(writer.last_error()->find("checkpoint of step 2 was not written"), std::string::npos);
  ASSERT_EQ(messages.lines.size(), 1U);
  EXPECT_EQ(messages.lines[0], *writer.last_error());
  EXPECT_EQ(writer.last_saved()->step, 1);
  fs::remove(run);
  fs::rename(folder.path() / "away", run);
  writer.save(make_snapshot(3));
  writer.wait();
  EXPECT_EQ(writer.last_error(), std::nullopt);
  expect_same(load_checkpoint(run / "step_1", 0, 1), make_snapshot(1));
  expect_same(load_checkpoint(run / "step_3", 0, 1), make_snapshot(3));
}

int64_t resident_bytes() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(Writer, TwoHundredSavesInARowDoNotGrowTheProcess) {
  const TempFolder run;
  Messages messages;
  CheckpointWriter writer(run.path(), {.keep_last = 2}, messages.callback());
  Snapshot snapshot = make_snapshot(0);
  constexpr int64_t kMegabyte = 1 << 20;
  snapshot.model.emplace_back("big", at::full({4 * kMegabyte}, 1.0, at::TensorOptions(at::ScalarType::Byte)));
  const auto save = [&](int64_t step) {
    snapshot.step = step;
    writer.save(snapshot);
  };
  for (int64_t step = 1; step <= 10; ++step) save(step);
  writer.wait();
  const int64_t before = resident_bytes();
  for (int64_t step = 11; step <= 210; ++step) save(step);
  writer.wait();
  // One leaked copy in a hundred saves would be 8 MB.
  EXPECT_LT(resident_bytes() - before, 4 * kMegabyte);
  EXPECT_EQ(writer.last_error(), std::nullopt);
  EXPECT_EQ(scan_checkpoints(run.path()).size(), 2U);
}

TEST(Writer, AtMostOneCopyOfABigTensorExists) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer keeps notes on memory, which count as resident";
#endif
  const TempFolder run;
  Messages messages;
  constexpr int64_t kMegabyte = 1 << 20;
  constexpr int64_t kSize = 96 * kMegabyte;
  Snapshot snapshot;
  snapshot.step = 1;
  snapshot.model = {{"big", at::full({kSize}, 1.0, at::TensorOptions(at::ScalarType::Byte))}};
  CheckpointWriter writer(run.path(), {.keep_last = 1}, messages.callback());
  const int64_t before = resident_bytes();
  writer.save(snapshot);
  EXPECT_LT(resident_bytes() - before, kSize + 8 * kMegabyte);  // while the write is in flight
  snapshot.step = 2;
  snapshot.model[0].second = at::full({kSize / 2}, 1.0, at::TensorOptions(at::ScalarType::Byte));  // smaller, and new
  writer.save(snapshot);
  writer.wait();
  // Source and buffer are half as large now, which makes one whole, as before the first save.
  EXPECT_LT(resident_bytes() - before, 8 * kMegabyte);
}

}  // namespace
}  // namespace tern::test
