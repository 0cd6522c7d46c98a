#include "data/text/packing_loader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/text/best_fit_packer.h"
#include "tests/data/text/packing_reference.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<int64_t>;

LoaderOptions small_options() {
  LoaderOptions options;
  options.batch_size = 3;
  options.seq_len = 60;
  options.buffer_size = 50;
  options.refill = 16;
  options.threads = 2;
  return options;
}

// Rows as nanochat's loader builds them: seq_len + 1 tokens.
Tokens rows_of(const TokenBatch& batch) {
  Tokens rows;
  for (int64_t row = 0; row < batch.batch_size; ++row) {
    const auto begin = batch.inputs.begin() + row * batch.seq_len;
    rows.insert(rows.end(), begin, begin + batch.seq_len);
    rows.push_back(batch.targets[static_cast<size_t>((row + 1) * batch.seq_len - 1)]);
  }
  return rows;
}

Tokens next_rows(PackingLoader& loader, int64_t batches) {
  Tokens rows;
  for (int64_t i = 0; i < batches; ++i) {
    const Tokens batch = rows_of(loader.next());
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

TEST(PackingLoaderReference, PacksTheBatchesOfNanochat) {
  const auto cases = nlohmann::json::parse(read_file(kReference / "packing" / "cases.json"));
  ASSERT_EQ(cases.size(), 7U);
  for (const auto& entry : cases) {
    const auto name = entry["name"].get<std::string>();
    LoaderOptions options;
    options.batch_size = entry["batch_size"].get<int64_t>();
    options.seq_len = entry["seq_len"].get<int64_t>();
    options.buffer_size = entry["buffer_size"].get<int64_t>();
    options.refill = entry["refill"].get<int64_t>();
    options.rank = entry.value("rank", 0);
    options.world_size = entry.value("world_size", 1);
    std::optional<LoaderState> resume;
    if (entry.contains("resume")) {
      const auto& at = entry["resume"];
      resume = LoaderState::after_row_group(at["pq_idx"].get<int64_t>(), at["rg_idx"].get<int64_t>(),
                                            at["epoch"].get<int64_t>(), options.rank, options.world_size);
    }
    const Split split = entry["split"].get<std::string>() == "train" ? Split::train : Split::validation;
    PackingLoader loader(reference_shards(split), bible_tokenizer(), options, resume);
    EXPECT_EQ(next_rows(loader, entry["batches"].get<int64_t>()), read_u16(kReference / "packing" / (name + ".u16")))
        << name;
    // nanochat reports the epoch of the last document it took in, this loader that of the next one.
    const int64_t epoch = loader.next().state->position.epoch;
    EXPECT_GE(epoch, entry["last_epoch"].get<int64_t>()) << name;
    EXPECT_LE(epoch, entry["last_epoch"].get<int64_t>() + 1) << name;
  }
}

TEST(PackingLoader, EveryRowBeginsWithBosAndTargetsAreInputsShifted) {
  const Tokenizer tokenizer = bible_tokenizer();
  PackingLoader loader(reference_shards(), tokenizer, small_options());
  for (int i = 0; i < 20; ++i) {
    const TokenBatch batch = loader.next();
    ASSERT_EQ(batch.inputs.size(), 3U * 60U);
    ASSERT_EQ(batch.targets.size(), 3U * 60U);
    for (size_t row = 0; row < 3; ++row) {
      EXPECT_EQ(batch.inputs[row * 60], tokenizer.bos());
      for (size_t t = 0; t + 1 < 60; ++t) EXPECT_EQ(batch.targets[row * 60 + t], batch.inputs[row * 60 + t + 1]);
    }
  }
}

TEST(PackingLoader, ThreadsAndPrefetchDontChangeTheBatches) {
  LoaderOptions one = small_options();
  one.threads = 1;
  one.prefetch = 1;
  LoaderOptions many = small_options();
  many.threads = 4;
  many.prefetch = 16;
  PackingLoader a(reference_shards(), bible_tokenizer(), one);
  PackingLoader b(reference_shards(), bible_tokenizer(), many);
  EXPECT_EQ(next_rows(a, 60), next_rows(b, 60));
}

TEST(PackingLoader, ResumesToTheExactRow) {
  for (const auto& [rank, world_size] : std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 2}, {7, 8}}) {
    LoaderOptions options = small_options();
    options.rank = rank;
    options.world_size = world_size;
    PackingLoader loader(reference_shards(), bible_tokenizer(), options);
    // About two epochs of one rank's share at world size 1, many more at 8.
    for (int step = 0; step < 400; ++step) {
      const TokenBatch batch = loader.next();
      EXPECT_EQ(batch.state->rows, (step + 1) * options.batch_size);
      if (step % 67 != 0) continue;
      const LoaderState state = LoaderState::from_json(batch.state->to_json(), "test");
      EXPECT_EQ(state, *batch.state);
      PackingLoader original(reference_shards(), bible_tokenizer(), options, *batch.state);
      LoaderOptions other = options;  // resuming may use another batch size: rows are what counts
      other.batch_size = 1;
      PackingLoader resumed(reference_shards(), bible_tokenizer(), other, state);
      EXPECT_EQ(next_rows(resumed, 30), next_rows(original, 10)) << "after step " << step;
    }
    const int64_t epoch = loader.next().state->position.epoch;
    EXPECT_GT(epoch, 1) << "rank " << rank << ": the test didn't cross an epoch";
  }
}

TEST(PackingLoader, AResumedLoaderGoesOnAsOneThatWasNeverStopped) {
  PackingLoader whole(reference_shards(), bible_tokenizer(), small_options());
  std::shared_ptr<const LoaderState> state;
  for (int i = 0; i < 77; ++i) state = whole.next().state;
  PackingLoader resumed(reference_shards(), bible_tokenizer(), small_options(), *state);
  EXPECT_EQ(next_rows(resumed, 100), next_rows(whole, 100));
}

TEST(PackingLoader, RefusesTheStateOfAnotherRunOrData) {
  PackingLoader loader(reference_shards(), bible_tokenizer(), small_options());
  const LoaderState state = *loader.next().state;
  const auto expect_refused = [&](const LoaderState& given, const LoaderOptions& options, ErrorKind kind,
                                  const std::string& message) {
    try {
      PackingLoader refused(reference_shards(), bible_tokenizer(), options, given);
      FAIL() << "accepted; expected: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      EXPECT_EQ(std::string(error.what()).find(message), 0U) << error.what();
    }
  };
  LoaderOptions two = small_options();
  two.world_size = 2;
  expect_refused(state, two, ErrorKind::checkpoint, "the loader state is that of rank 0 of 1, this is rank 0 of 2, ");
  LoaderState other = state;
  other.documents = 5;
  expect_refused(other, small_options(), ErrorKind::checkpoint,
                 "the loader state belongs to data with 5 documents, here are 621, ");
  other = state;
  other.position.next.file = 9;
  expect_refused(other, small_options(), ErrorKind::data, "the state to resume from names document ");
  other = state;
  other.buffered[3].document = 60;
  expect_refused(other, small_options(), ErrorKind::data,
                 "the state to resume from names document 60 of row group 0 of file 0, which isn't there, ");
}

TEST(LoaderState, DamagedTextIsACheckpointError) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"epoch": "x"})",
        R"({"epoch":1,"next":[0,0],"rows":0,"rank":0,"world_size":1,"documents":0,"buffered":[]})"}) {
    try {
      static_cast<void>(LoaderState::from_json(text, "step_5"));
      FAIL() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::checkpoint);
      EXPECT_NE(std::string(error.what()).find(", step_5, "), std::string::npos) << error.what();
    }
  }
}

TEST(PackingLoader, ADamagedShardIsAnErrorInNextAndStays) {
  const test::TempFolder folder;
  fs::copy(kReference / "packing" / "shards", folder / "shards");
  std::string shard = read_file(folder / "shards" / "shard_00001.parquet");
  for (size_t i = 100; i < 30'000; i += 50) shard[i] = static_cast<char>(shard[i] ^ 0x55);
  write_file_atomically(folder / "shards" / "shard_00001.parquet", shard);
  LoaderOptions options = small_options();
  options.prefetch = 2;
  PackingLoader loader(open_shards(folder / "shards", Split::train), bible_tokenizer(), options);
  const auto read_until_error = [&] {
    for (int i = 0; i < 1000; ++i) static_cast<void>(loader.next());
  };
  for (int i = 0; i < 2; ++i) {
    try {
      read_until_error();
      FAIL() << "the damage went unnoticed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(std::string(error.what()).find("shard_00001.parquet"), std::string::npos) << error.what();
    }
  }
}

TEST(PackingLoader, APlainTextFileStandsInForShards) {
  const test::TempFolder folder;
  std::string text;
  for (int i = 0; i < 60; ++i) text += "Paragraph " + std::to_string(i) + " of the text.\n\n";
  write_file_atomically(folder / "t.txt", text);
  LoaderOptions options = small_options();
  options.buffer_size = 20;
  const auto rows = [&](const std::optional<LoaderState>& resume) {
    PackingLoader loader(open_documents(folder / "t.txt", Split::train), bible_tokenizer(), options, resume);
    static_cast<void>(loader.next());
    const TokenBatch second = loader.next();
    return std::pair(rows_of(second), *second.state);
  };
  EXPECT_EQ(rows(std::nullopt), rows(std::nullopt));
  PackingLoader loader(open_documents(folder / "t.txt", Split::train), bible_tokenizer(), options);
  const LoaderState first = *loader.next().state;
  const Tokens second = rows_of(loader.next());
  PackingLoader resumed(open_documents(folder / "t.txt", Split::train), bible_tokenizer(), options, first);
  EXPECT_EQ(rows_of(resumed.next()), second);
}

// Documents of a made-up split.
class NumberedSource : public DocumentSource {
 public:
  explicit NumberedSource(std::vector<std::vector<int64_t>> sizes) : sizes_(std::move(sizes)) {}
  [[nodiscard]] int64_t num_files() const override { return static_cast<int64_t>(sizes_.size()); }
  [[nodiscard]] int64_t num_row_groups(int64_t file) const override {
    return static_cast<int64_t>(sizes_[static_cast<size_t>(file)].size());
  }
  [[nodiscard]] int64_t num_documents(int64_t file, int64_t group) const override {
    return sizes_[static_cast<size_t>(file)][static_cast<size_t>(group)];
  }
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t file, int64_t group) override {
    std::vector<std::string> documents;
    for (int64_t i = 0; i < num_documents(file, group); ++i) {
      documents.push_back(std::to_string(file) + "." + std::to_string(group) + "." + std::to_string(i));
    }
    return documents;
  }
  [[nodiscard]] std::string name() const override { return "made-up split"; }

 private:
  std::vector<std::vector<int64_t>> sizes_;
};

std::string walk(NumberedSource& source, int64_t rank, int64_t world_size, int64_t batches, int64_t max_documents = 2) {
  DocumentStream stream(source, rank, world_size);
  std::string seen;
  for (int64_t i = 0; i < batches; ++i) {
    for (const auto& document : stream.next(max_documents).documents) seen += document + " ";
    seen += "| ";
  }
  return seen + "epoch " + std::to_string(stream.position().epoch);
}

TEST(DocumentStream, RanksTakeTurnsByRowGroupInEveryFile) {
  NumberedSource source({{3, 1, 2}, {1}, {2, 2}});
  EXPECT_EQ(walk(source, 0, 2, 5), "0.0.0 0.0.1 | 0.0.2 | 0.2.0 0.2.1 | 1.0.0 | 2.0.0 2.0.1 | epoch 2");
  EXPECT_EQ(walk(source, 1, 2, 3), "0.1.0 | 2.1.0 2.1.1 | 0.1.0 | epoch 2");
}

TEST(DocumentStream, RanksTakeTurnsByDocumentWhereRowGroupsAreTooFew) {
  NumberedSource source(std::vector<std::vector<int64_t>>{{5, 1}});
  EXPECT_EQ(walk(source, 0, 3, 2), "0.0.0 0.0.3 | 0.1.0 | epoch 2");
  EXPECT_EQ(walk(source, 2, 3, 2), "0.0.2 | 0.0.2 | epoch 3");
}

TEST(DocumentStream, EmptyRowGroupsAndTooManyRanksDontHang) {
  NumberedSource holes({{0, 2, 0}, {0}});
  EXPECT_EQ(walk(holes, 0, 1, 2), "0.1.0 0.1.1 | 0.1.0 0.1.1 | epoch 3");
  EXPECT_THROW(walk(holes, 0, 2, 1), Error);  // both of rank 0's row groups are empty
  NumberedSource few(std::vector<std::vector<int64_t>>{{2}});
  EXPECT_THROW(walk(few, 0, 3, 1), Error);
  EXPECT_THROW(walk(few, 2, 3, 1), Error);
}

TEST(DocumentStream, SeekAndFetchFindTheDocumentsAgain) {
  NumberedSource source({{3, 1, 2}, {4}});
  DocumentStream stream(source, 0, 1);
  for (int i = 0; i < 3; ++i) static_cast<void>(stream.next(2));
  const StreamPosition position = stream.position();
  const auto expected = stream.next(10);
  DocumentStream other(source, 0, 1);
  other.seek(position);
  EXPECT_EQ(other.next(10).documents, expected.documents);
  EXPECT_EQ(other.fetch({{1, 0, 3}, {0, 0, 1}, {1, 0, 0}}), (std::vector<std::string>{"1.0.3", "0.0.1", "1.0.0"}));
}

TEST(BestFitPacker, TakesTheLongestThatFitsThenCropsTheShortest) {
  BestFitPacker packer(0);
  const auto add = [&](int64_t number, size_t length) {
    packer.add({0, 0, number}, std::vector<TokenId>(length, static_cast<TokenId>(number)));
  };
  for (const auto& [number, length] :
       std::vector<std::pair<int64_t, size_t>>{{1, 5}, {2, 9}, {3, 4}, {4, 4}, {5, 12}}) {
    add(number, length);
  }
  const auto fill = [&](size_t length) {
    Tokens row(length);
    packer.fill(row, [] { FAIL() << "refilled"; });
    return row;
  };
  EXPECT_EQ(fill(10), (Tokens{2, 2, 2, 2, 2, 2, 2, 2, 2, 3}));  // 9 fits, then the first of the shortest is cropped
  EXPECT_EQ(fill(9), (Tokens{1, 1, 1, 1, 1, 4, 4, 4, 4}));
  EXPECT_EQ(fill(3), (Tokens{5, 5, 5}));
}

TEST(BestFitPacker, RefillsBeforeEveryChoice) {
  BestFitPacker packer(3);
  int64_t added = 0;
  Tokens row(4);
  packer.fill(row, [&] {
    packer.add({0, 0, added}, {static_cast<TokenId>(added)});
    ++added;
  });
  EXPECT_EQ(row, (Tokens{0, 1, 2, 3}));
  EXPECT_EQ(added, 6);
  EXPECT_EQ(packer.buffered(), (std::vector<DocumentAddress>{{0, 0, 4}, {0, 0, 5}}));
}

}  // namespace
}  // namespace tern::text
