#include "data/text/shard.h"

#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/api/writer.h>

#include "base/error.h"
#include "base/file.h"
#include "data/text/shard_set.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

namespace fs = std::filesystem;
using Documents = std::vector<std::string>;

Documents numbered(int64_t count, const std::string& prefix = "document ") {
  Documents documents;
  for (int64_t i = 0; i < count; ++i) documents.push_back(prefix + std::to_string(i));
  return documents;
}

Documents read_shard(const fs::path& path) {
  ShardReader shard(path);
  Documents all;
  for (int64_t group = 0; group < shard.num_row_groups(); ++group) {
    for (auto& document : shard.read_row_group(group)) all.push_back(std::move(document));
  }
  return all;
}

void write_shard(const fs::path& path, const Documents& documents, int64_t row_group_size = 1024) {
  ShardWriter writer(path, row_group_size);
  for (const auto& document : documents) writer.add(document);
  writer.finish();
}

// One column of one row group, straight through the Parquet library: what other writers may hand us.
template <typename Type>
void write_column(const fs::path& path, const std::string& name, parquet::Type::type physical,
                  const std::vector<int16_t>& levels, const std::vector<typename Type::c_type>& values) {
  const auto column = parquet::schema::PrimitiveNode::Make(name, parquet::Repetition::OPTIONAL, physical);
  const auto schema = std::static_pointer_cast<parquet::schema::GroupNode>(
      parquet::schema::GroupNode::Make("schema", parquet::Repetition::REQUIRED, {column}));
  const auto stream = arrow::io::FileOutputStream::Open(path.string()).ValueOrDie();
  const auto writer = parquet::ParquetFileWriter::Open(stream, schema);
  auto* typed = static_cast<parquet::TypedColumnWriter<Type>*>(writer->AppendRowGroup()->NextColumn());
  if (!levels.empty()) typed->WriteBatch(static_cast<int64_t>(levels.size()), levels.data(), nullptr, values.data());
  typed->Close();
  writer->Close();
}

template <typename Work>
void expect_refused(Work&& work, const std::string& message) {
  try {
    work();
    FAIL() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(Shard, ReadsWhatItWrites) {
  const test::TempFolder folder;
  Documents documents = numbered(2500);
  documents[3] = "";
  documents[4] = std::string("zero\0byte", 9);
  documents[5] = std::string(3'000'000, 'x') + "\u4f60";
  write_shard(folder / "a.parquet", documents);
  ShardReader shard(folder / "a.parquet");
  ASSERT_EQ(shard.num_row_groups(), 3);
  EXPECT_EQ(shard.num_documents(0), 1024);
  EXPECT_EQ(shard.num_documents(2), 2500 - 2048);
  EXPECT_EQ(shard.read_row_group(1), Documents(documents.begin() + 1024, documents.begin() + 2048));
  EXPECT_EQ(read_shard(folder / "a.parquet"), documents);
}

TEST(Shard, ReadsShardsOfPyarrow) {
  const fs::path shards = fs::path(TERN_TEST_REFERENCE) / "packing" / "shards";
  ShardReader shard(shards / "shard_00000.parquet");
  EXPECT_EQ(shard.num_row_groups(), 6);
  EXPECT_EQ(shard.num_documents(5), 30);
  EXPECT_EQ(read_shard(shards / "shard_00000.parquet").size(), 330U);
}

TEST(Shard, MissingEmptyAndForeignFilesAreErrors) {
  const test::TempFolder folder;
  const auto open = [&](const std::string& name) { return [&, name] { ShardReader(folder / name); }; };
  expect_refused(open("none.parquet"), "no such shard, ");
  write_file_atomically(folder / "empty.parquet", "");
  expect_refused(open("empty.parquet"), "shard is empty, ");
  write_file_atomically(folder / "text.parquet", "just some text, no Parquet at all");
  expect_refused(open("text.parquet"), "shard is damaged: ");
  write_shard(folder / "a.parquet", numbered(100));
  const std::string whole = read_file(folder / "a.parquet");
  for (const size_t size : {whole.size() - 1, whole.size() / 2, size_t{4}}) {
    write_file_atomically(folder / "cut.parquet", whole.substr(0, size));
    expect_refused(open("cut.parquet"), "shard is damaged: ");
  }
}

TEST(Shard, AChangedByteInAPageIsNoticed) {
  const test::TempFolder folder;
  write_shard(folder / "a.parquet", numbered(500));
  const std::string whole = read_file(folder / "a.parquet");
  int noticed = 0;
  for (size_t at = 60; at < 460; at += 20) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file_atomically(folder / "b.parquet", damaged);
    try {
      read_shard(folder / "b.parquet");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(std::string(error.what()).find("b.parquet"), std::string::npos) << error.what();
      ++noticed;
    }
  }
  EXPECT_EQ(noticed, 20);
}

TEST(Shard, WrongColumnsAreErrors) {
  const test::TempFolder folder;
  const parquet::ByteArray word("word");
  write_column<parquet::ByteArrayType>(folder / "body.parquet", "body", parquet::Type::BYTE_ARRAY, {1}, {word});
  expect_refused([&] { ShardReader(folder / "body.parquet"); }, "shard has no column \"text\", ");
  write_column<parquet::Int64Type>(folder / "numbers.parquet", "text", parquet::Type::INT64, {1, 1}, {5, 6});
  expect_refused([&] { ShardReader(folder / "numbers.parquet"); }, "column \"text\" of the shard doesn't hold strings");
  write_column<parquet::ByteArrayType>(folder / "none.parquet", "text", parquet::Type::BYTE_ARRAY, {}, {});
  expect_refused([&] { ShardReader(folder / "none.parquet"); }, "shard holds no documents, ");
}

TEST(Shard, NullAndInvalidRowsNameTheirPlace) {
  const test::TempFolder folder;
  const parquet::ByteArray word("word");
  const parquet::ByteArray bad("b\xff");
  write_column<parquet::ByteArrayType>(folder / "null.parquet", "text", parquet::Type::BYTE_ARRAY, {1, 0}, {word});
  expect_refused([&] { read_shard(folder / "null.parquet"); },
                 "document is null, " + (folder / "null.parquet").string() + " row group 0 row 1");
  write_column<parquet::ByteArrayType>(folder / "bad.parquet", "text", parquet::Type::BYTE_ARRAY, {1, 1}, {word, bad});
  expect_refused([&] { read_shard(folder / "bad.parquet"); },
                 "invalid UTF-8 at byte 1, " + (folder / "bad.parquet").string() + " row group 0 row 1");
}

TEST(Shard, AnUnfinishedShardLeavesNothing) {
  const test::TempFolder folder;
  {
    ShardWriter writer(folder / "a.parquet", 2);
    for (const auto& document : numbered(5)) writer.add(document);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  expect_refused([&] { ShardWriter(folder / "no" / "a.parquet", 2); }, "write failed: ");
}

Documents all_documents(DocumentSource& source) {
  Documents all;
  for (int64_t file = 0; file < source.num_files(); ++file) {
    for (int64_t group = 0; group < source.num_row_groups(file); ++group) {
      for (auto& document : source.read_row_group(file, group)) all.push_back(std::move(document));
    }
  }
  return all;
}

ShardSetSummary write_set(const fs::path& folder, const Documents& documents, const ShardSetOptions& options = {},
                          bool replace = false) {
  ShardSetWriter writer(folder, options, replace);
  for (const auto& document : documents) writer.add(document);
  return writer.finish();
}

TEST(ShardSet, TheLastShardValidatesAndTheOrderStays) {
  const test::TempFolder folder;
  const Documents documents = numbered(3000);
  ShardSetOptions options;
  options.chars_per_shard = 10'000;
  const ShardSetSummary summary = write_set(folder / "set", documents, options);
  EXPECT_EQ(summary.train_documents, 2850);
  EXPECT_EQ(summary.validation_documents, 150);
  EXPECT_EQ(summary.shards, 4);  // 1024, 1024, 802, and 150 for validation
  const auto shards = list_shards(folder / "set");
  ASSERT_EQ(shards.size(), 4U);
  EXPECT_EQ(shards[0].filename(), "shard_00000.parquet");
  EXPECT_EQ(shards[3].filename(), "shard_00003.parquet");
  EXPECT_EQ(read_shard(shards[1]).size(), 1024U);
  const auto train = open_shards(folder / "set", Split::train);
  const auto validation = open_shards(folder / "set", Split::validation);
  EXPECT_EQ(total_documents(*train), 2850);
  EXPECT_EQ(total_row_groups(*train), 3);
  EXPECT_EQ(all_documents(*train), Documents(documents.begin(), documents.begin() + 2850));
  EXPECT_EQ(all_documents(*validation), Documents(documents.begin() + 2850, documents.end()));
}

TEST(ShardSet, ShardsFillUpByCharactersAtWholeRowGroups) {
  const test::TempFolder folder;
  ShardSetOptions options;
  options.row_group_size = 10;
  options.chars_per_shard = 25 * 4;  // code points, of which each document has 4 in 12 bytes
  options.validation_documents = 5;
  write_set(folder / "set", Documents(100, "\u4f60\u4f60\u4f60\u4f60"), options);
  std::vector<size_t> sizes;
  for (const auto& shard : list_shards(folder / "set")) sizes.push_back(read_shard(shard).size());
  EXPECT_EQ(sizes, (std::vector<size_t>{30, 30, 30, 5, 5}));
}

TEST(ShardSet, AtLeastOneDocumentTrainsAndOneValidates) {
  const test::TempFolder folder;
  const ShardSetSummary summary = write_set(folder / "two", numbered(2));
  EXPECT_EQ(summary.train_documents, 1);
  EXPECT_EQ(summary.validation_documents, 1);
  expect_refused([&] { write_set(folder / "one", numbered(1)); }, "1 documents are too few, ");
  expect_refused([&] { write_set(folder / "none", {}); }, "0 documents are too few, ");
  ShardSetOptions options;
  options.validation_documents = 50;
  expect_refused([&] { write_set(folder / "fifty", numbered(50), options); }, "50 documents are too few, ");
  EXPECT_EQ(write_set(folder / "more", numbered(51), options).train_documents, 1);
  for (const char* name : {"one", "none", "fifty", "one.partial"}) EXPECT_FALSE(fs::exists(folder / name)) << name;
}

TEST(ShardSet, ExistingDataIsReplacedOnlyOnRequestAndAsAWhole) {
  const test::TempFolder folder;
  write_set(folder / "set", numbered(10, "old "));
  expect_refused([&] { write_set(folder / "set", numbered(10)); }, "output folder is not empty, ");
  {
    ShardSetWriter unfinished(folder / "set", {}, true);
    unfinished.add("new");
  }
  EXPECT_EQ(all_documents(*open_shards(folder / "set", Split::train))[0], "old 0");
  write_set(folder / "set", numbered(10, "new "), {}, true);
  EXPECT_EQ(all_documents(*open_shards(folder / "set", Split::train))[0], "new 0");
  EXPECT_FALSE(fs::exists(folder / "set.partial"));
}

TEST(ShardSet, LeftoversOfAKilledRunAreSwept) {
  const test::TempFolder folder;
  fs::create_directory(folder / "set.partial");
  write_file_atomically(folder / "set.partial" / "shard_00099.parquet", "junk");
  write_set(folder / "set", numbered(10));
  EXPECT_EQ(list_shards(folder / "set").size(), 2U);
}

TEST(ShardSet, FoldersThatCantServeAreErrors) {
  const test::TempFolder folder;
  expect_refused([&] { static_cast<void>(open_shards(folder / "none", Split::train)); }, "no folder of shards, ");
  expect_refused([&] { static_cast<void>(open_shards(folder.path(), Split::train)); },
                 "no .parquet file in the folder, ");
  write_shard(folder / "shard_00000.parquet", numbered(3));
  for (const Split split : {Split::train, Split::validation}) {
    expect_refused([&] { static_cast<void>(open_shards(folder.path(), split)); },
                   "only one shard, so no validation shard, ");
  }
  write_shard(folder / "shard_00001.parquet", numbered(3));
  write_file_atomically(folder / "shard_00000.parquet", "damaged");
  expect_refused([&] { static_cast<void>(open_shards(folder.path(), Split::train)); }, "shard is damaged: ");
  EXPECT_EQ(total_documents(*open_shards(folder.path(), Split::validation)), 3);
}

TEST(ShardSet, ATextFileStandsInForShards) {
  const test::TempFolder folder;
  std::string text;
  for (const auto& document : numbered(40)) text += document + "\n\n";
  write_file_atomically(folder / "t.txt", text);
  const Documents documents = numbered(40);
  EXPECT_EQ(all_documents(*open_documents(folder / "t.txt", Split::train)),
            Documents(documents.begin(), documents.begin() + 38));
  EXPECT_EQ(all_documents(*open_documents(folder / "t.txt", Split::validation)),
            Documents(documents.begin() + 38, documents.end()));
  write_file_atomically(folder / "one.txt", "one document");
  expect_refused([&] { static_cast<void>(open_documents(folder / "one.txt", Split::train)); }, "holds 1 documents, ");
}

}  // namespace
}  // namespace tern::text
