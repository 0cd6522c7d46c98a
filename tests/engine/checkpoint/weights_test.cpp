#include "engine/checkpoint/weights.h"

#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/store.h"
#include "engine/checkpoint/torch_file.h"
#include "tests/engine/checkpoint/support.h"

namespace tern::test {
namespace {

TEST(Weights, RawAndAveragedOfACheckpoint) {
  const TempFolder run;
  const Snapshot snapshot = make_snapshot(5);
  write_checkpoint(run.path(), snapshot);
  const auto folder = run.path() / "step_5";
  expect_same(load_weights(folder), snapshot.model);
  // The EMA holds one of the two tensors; the other stays raw.
  const TensorList averaged = {snapshot.ema[0], snapshot.model[1]};
  expect_same(load_weights(folder, WeightSet::ema), averaged);
  expect_same(load_weights(folder, WeightSet::ema_if_any), averaged);
}

TEST(Weights, WithoutEma) {
  const TempFolder run;
  Snapshot snapshot = make_snapshot(5);
  snapshot.ema.clear();
  write_checkpoint(run.path(), snapshot);
  expect_same(load_weights(run.path() / "step_5", WeightSet::ema_if_any), snapshot.model);
  expect_checkpoint_error([&] { (void)load_weights(run.path() / "step_5", WeightSet::ema); }, {"no EMA", "step_5"});
}

TEST(Weights, OfARunFolderAreThoseOfItsNewestValidCheckpoint) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(5));
  write_checkpoint(run.path(), make_snapshot(6));
  flip_bit(run.path() / "step_6" / "model.safetensors", -1);
  Messages messages;
  const Weights weights = read_weights(run.path(), WeightSet::raw, messages.callback());
  expect_same(weights.tensors, make_snapshot(5).model);
  EXPECT_EQ(weights.source, (run.path() / "step_5").string());
  EXPECT_NE(messages.text().find("step_6 is not usable"), std::string::npos);
}

TEST(Weights, DamagedCheckpointIsRefused) {
  const TempFolder run;
  write_checkpoint(run.path(), make_snapshot(5));
  flip_bit(run.path() / "step_5" / "ema.safetensors", -1);
  expect_same(load_weights(run.path() / "step_5"), make_snapshot(5).model);  // the EMA isn't needed
  expect_checkpoint_error([&] { (void)load_weights(run.path() / "step_5", WeightSet::ema); },
                          {"ema.safetensors", "checksum"});
  flip_bit(run.path() / "step_5" / "model.safetensors", -1);
  expect_checkpoint_error([&] { (void)load_weights(run.path() / "step_5"); }, {"model.safetensors", "checksum"});
}

TEST(Weights, UpstreamsFileLosesTheCompilePrefix) {
  const TensorList tensors = load_weights(reference("module.pt"));
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(tensors[0].first, "steps");
  EXPECT_EQ(tensors[1].first, "first.weight");
}

TEST(Weights, PrefixAnywhereInTheName) {
  const TempFolder folder;
  const at::Tensor tensor = counting(at::ScalarType::Float, {2});
  write_safetensors_file(folder.path() / "t.safetensors", {{"model._orig_mod.inner._orig_mod.w", tensor}});
  EXPECT_EQ(load_weights(folder.path() / "t.safetensors")[0].first, "model.inner.w");
  write_torch_file(folder.path() / "t.pt", {{"_orig_mod.w", tensor}, {"w", tensor}});
  expect_checkpoint_error([&] { (void)load_weights(folder.path() / "t.pt"); }, {"tensor w", "with and without"});
}

TEST(Weights, SaysWhatIsNotThere) {
  const TempFolder folder;
  expect_checkpoint_error([&] { (void)load_weights(folder.path() / "none"); }, {"no such file", "none"});
  expect_checkpoint_error([&] { (void)load_weights(folder.path()); }, {"no valid checkpoint"});
  expect_checkpoint_error([&] { (void)load_weights(reference("module.pt"), WeightSet::ema); }, {"no EMA", "module.pt"});
}

}  // namespace
}  // namespace tern::test
