// Documents strung together: against the batches that nanochat's first release made of the same shards
// (tests/reference/gpt/record_stream.py), and from any batch on as if there had been no stop.
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/text/packing_loader.h"
#include "data/text/stream_packer.h"
#include "tests/data/text/packing_reference.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<int64_t>;

LoaderOptions stream_options() {
  LoaderOptions options;
  options.packing = Packing::stream;
  options.batch_size = 3;
  options.seq_len = 60;
  options.threads = 2;
  return options;
}

// All inputs and the last target; every other target is the input that follows.
Tokens run_of(const TokenBatch& batch) {
  Tokens run = batch.inputs;
  run.push_back(batch.targets.back());
  EXPECT_TRUE(std::equal(batch.targets.begin(), batch.targets.end(), run.begin() + 1));
  return run;
}

Tokens next_runs(PackingLoader& loader, int64_t batches) {
  Tokens tokens;
  for (int64_t i = 0; i < batches; ++i) {
    const Tokens run = run_of(loader.next());
    tokens.insert(tokens.end(), run.begin(), run.end());
  }
  return tokens;
}

void expect_error(ErrorKind kind, const std::string& message, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "no error; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(std::string(error.what()).substr(0, message.size()), message);
  }
}

TEST(StreamPackingReference, MakesTheBatchesOfNanochatsFirstRelease) {
  const fs::path folder = kReference / "gpt" / "stream";
  const auto cases = nlohmann::json::parse(read_file(folder / "cases.json"));
  ASSERT_EQ(cases.size(), 4U);
  for (const auto& entry : cases) {
    const auto name = entry["name"].get<std::string>();
    LoaderOptions options = stream_options();
    options.batch_size = entry["batch_size"].get<int64_t>();
    options.seq_len = entry["seq_len"].get<int64_t>();
    options.rank = entry["rank"].get<int64_t>();
    options.world_size = entry["world_size"].get<int64_t>();
    const Split split = entry["split"].get<std::string>() == "train" ? Split::train : Split::validation;
    PackingLoader loader(reference_shards(split), bible_tokenizer(), options);
    EXPECT_EQ(next_runs(loader, entry["batches"].get<int64_t>()), read_u16(folder / (name + ".u16"))) << name;
  }
}

TEST(StreamPacking, ThreadsPrefetchAndRefillDontChangeTheBatches) {
  LoaderOptions one = stream_options();
  one.threads = 1;
  one.prefetch = 1;
  one.refill = 1;
  LoaderOptions many = stream_options();
  many.threads = 4;
  many.prefetch = 16;
  many.refill = 200;
  PackingLoader a(reference_shards(), bible_tokenizer(), one);
  PackingLoader b(reference_shards(), bible_tokenizer(), many);
  EXPECT_EQ(next_runs(a, 60), next_runs(b, 60));
}

// 181 tokens a batch: nearly every batch ends within a document.
TEST(StreamPacking, ResumesToTheExactToken) {
  for (const auto& [rank, world_size] : std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 2}, {7, 8}}) {
    LoaderOptions options = stream_options();
    options.rank = rank;
    options.world_size = world_size;
    PackingLoader loader(reference_shards(), bible_tokenizer(), options);
    int64_t within_a_document = 0;
    for (int64_t step = 0; step < 700; ++step) {
      const TokenBatch batch = loader.next();
      EXPECT_EQ(batch.state->rows, (step + 1) * options.batch_size);
      within_a_document += batch.state->used > 0 ? 1 : 0;
      if (step % 67 != 0) continue;
      const LoaderState state = LoaderState::from_json(batch.state->to_json(), "test");
      EXPECT_EQ(state, *batch.state);
      PackingLoader original(reference_shards(), bible_tokenizer(), options, *batch.state);
      LoaderOptions other = options;
      other.refill = 3;
      PackingLoader resumed(reference_shards(), bible_tokenizer(), other, state);
      EXPECT_EQ(next_runs(resumed, 10), next_runs(original, 10)) << "after step " << step;
    }
    EXPECT_GT(within_a_document, 600) << "rank " << rank;
    EXPECT_GT(loader.next().state->position.epoch, 1) << "rank " << rank << ": the test didn't cross an epoch";
  }
  PackingLoader whole(reference_shards(), bible_tokenizer(), stream_options());
  std::shared_ptr<const LoaderState> state;
  for (int i = 0; i < 77; ++i) state = whole.next().state;
  PackingLoader resumed(reference_shards(), bible_tokenizer(), stream_options(), *state);
  EXPECT_EQ(next_runs(resumed, 100), next_runs(whole, 100));
}

TEST(StreamPacking, RefusesAStateThatIsNotItsOwn) {
  PackingLoader loader(reference_shards(), bible_tokenizer(), stream_options());
  const LoaderState state = *loader.next().state;
  const auto resume = [](const LoaderState& from, const LoaderOptions& options) {
    PackingLoader refused(reference_shards(), bible_tokenizer(), options, from);
  };
  LoaderOptions best_fit = stream_options();
  best_fit.packing = Packing::best_fit;
  const std::string shards = (kReference / "packing" / "shards").string();
  expect_error(ErrorKind::checkpoint,
               "the loader state is one of packing=stream, this is best_fit, " + shards +
                   ", resume with the packing that the run was started with",
               [&] { resume(state, best_fit); });
  LoaderState other = state;
  other.used = 100'000;
  expect_error(ErrorKind::checkpoint, "the loader state stands at token 100000 of a document that is not so long, ",
               [&] { resume(other, stream_options()); });
  other.used = -1;
  EXPECT_THROW(resume(other, stream_options()), Error);
  other = state;
  other.packing = Packing::best_fit;
  other.used = 5;
  expect_error(ErrorKind::checkpoint, "the loader state stands at token 5 of ", [&] { resume(other, best_fit); });

  // nanochat's own place in the data, or that of another number of ranks: nothing is buffered, so either way goes on.
  EXPECT_NO_THROW(resume(LoaderState::after_row_group(0, 2, 1, 0, 1), stream_options()));
}

TEST(StreamPacking, OlderStatesAreOfBestFitAndOthersMustBeKnown) {
  const std::string old = R"({"epoch":1,"next":[0,0,3],"rows":4,"rank":0,"world_size":1,"documents":9,"buffered":[])";
  const LoaderState state = LoaderState::from_json(old + "}", "step_5");
  EXPECT_EQ(state.packing, Packing::best_fit);
  EXPECT_EQ(state.used, 0);
  expect_error(ErrorKind::checkpoint, "loader state is damaged: no packing is called 'first_fit'",
               [&] { (void)LoaderState::from_json(old + R"(,"packing":"first_fit"})", "step_5"); });
  expect_error(ErrorKind::checkpoint,
               "loader state is damaged: ", [&] { (void)LoaderState::from_json(old + R"(,"used":"x"})", "step_5"); });
}

// A batch longer than all documents together goes through them several times, as upstream's loader does.
TEST(StreamPacking, ShortTextsAreRepeated) {
  const test::TempFolder folder;
  write_file_atomically(folder / "t.txt", "One.\n\nTwo.\n\nThree.\n");
  PackingLoader loader(open_documents(folder / "t.txt", Split::train), bible_tokenizer(), stream_options());
  const TokenBatch batch = loader.next();
  const TokenId bos = bible_tokenizer().bos();
  EXPECT_EQ(batch.inputs.front(), bos);
  EXPECT_GT(std::ranges::count(batch.inputs, bos), 20);
  EXPECT_GT(batch.state->position.epoch, 10);
}

TEST(StreamPacking, TooFewDocumentsAreAnError) {
  const test::TempFolder folder;
  write_file_atomically(folder / "t.txt", "Just one.\n");
  expect_error(ErrorKind::data, "holds 1 documents, ", [&] { (void)open_documents(folder / "t.txt", Split::train); });
  write_file_atomically(folder / "t.txt", "One.\n\nTwo.\n\nThree.\n");
  LoaderOptions options = stream_options();
  options.rank = 2;
  options.world_size = 3;
  expect_error(ErrorKind::data, "fewer documents than the 3 ranks, ", [&] {
    PackingLoader loader(open_documents(folder / "t.txt", Split::train), bible_tokenizer(), options);
  });
}

// A split whose row groups are all empty.
class EmptySource : public DocumentSource {
 public:
  [[nodiscard]] int64_t num_files() const override { return 1; }
  [[nodiscard]] int64_t num_row_groups(int64_t) const override { return 2; }
  [[nodiscard]] int64_t num_documents(int64_t, int64_t) const override { return 0; }
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t, int64_t) override { return {}; }
  [[nodiscard]] std::string name() const override { return "shards"; }
};

TEST(StreamPacking, ShardsWithoutDocumentsAreAnError) {
  expect_error(ErrorKind::data, "no documents for rank 0, shards, leave out empty row groups, or start fewer processes",
               [] { PackingLoader loader(std::make_unique<EmptySource>(), bible_tokenizer(), stream_options()); });
}

TEST(StreamPacking, ADamagedShardIsAnErrorInNext) {
  const test::TempFolder folder;
  fs::copy(kReference / "packing" / "shards", folder / "shards");
  std::string shard = read_file(folder / "shards" / "shard_00001.parquet");
  for (size_t i = 100; i < 30'000; i += 50) shard[i] = static_cast<char>(shard[i] ^ 0x55);
  write_file_atomically(folder / "shards" / "shard_00001.parquet", shard);
  PackingLoader loader(open_shards(folder / "shards", Split::train), bible_tokenizer(), stream_options());
  try {
    for (int i = 0; i < 1000; ++i) static_cast<void>(loader.next());
    FAIL() << "the damage went unnoticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("shard_00001.parquet"), std::string::npos) << error.what();
  }
}

TEST(StreamPacker, ADocumentGoesOnInTheNextRun) {
  StreamPacker packer;
  int64_t added = 0;
  const auto refill = [&] {
    packer.add({0, 0, added}, std::vector<TokenId>(5, static_cast<TokenId>(added)));
    ++added;
  };
  const auto fill = [&](size_t length) {
    Tokens run(length);
    packer.fill(run, refill);
    return run;
  };
  EXPECT_EQ(fill(7), (Tokens{0, 0, 0, 0, 0, 1, 1}));
  EXPECT_EQ(packer.buffered(), (std::vector<DocumentAddress>{{0, 0, 1}}));
  EXPECT_EQ(packer.used(), 2);
  EXPECT_EQ(fill(3), (Tokens{1, 1, 1}));
  EXPECT_TRUE(packer.buffered().empty());
  EXPECT_EQ(packer.used(), 0);
  EXPECT_EQ(fill(6), (Tokens{2, 2, 2, 2, 2, 3}));
  EXPECT_FALSE(packer.skip(5));
  EXPECT_TRUE(packer.skip(4));
  EXPECT_EQ(fill(2), (Tokens{3, 4}));
}

}  // namespace
}  // namespace tern::text
