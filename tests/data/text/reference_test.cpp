// Against what rustbpe and tiktoken made of the same text: see tests/reference/tokenizer/README.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/text/bpe_trainer.h"
#include "data/text/document_reader.h"
#include "data/text/encoder.h"
#include "data/text/piece_counts.h"

namespace tern::text {
namespace {

const std::filesystem::path kReference = std::filesystem::path(TERN_TEST_REFERENCE) / "tokenizer";

std::vector<std::string> bible() {
  DocumentReader reader({kReference / "kjv.jsonl.gz"}, {});
  std::vector<std::string> documents;
  for (std::string document; reader.next(document);) documents.push_back(document);
  return documents;
}

nlohmann::json read_json(const char* name) {
  return nlohmann::json::parse(read_file(kReference / name));
}

TEST(TokenizerReference, TrainingLearnsTheRanksOfRustbpe) {
  for (const int threads : {1, 3}) {
    PieceCounter counter(threads);
    counter.add(bible());
    const auto tokens = train_bpe(counter.take(), 2048 - kSpecialTokens.size());
    EXPECT_EQ(format_ranks(tokens), read_file(kReference / "ranks.tiktoken")) << threads << " threads";
  }
}

TEST(TokenizerReference, EncodesDifficultStringsAsTiktoken) {
  const Tokenizer tokenizer = Tokenizer::read(kReference / "ranks.tiktoken");
  Encoder encoder(tokenizer);
  const nlohmann::json cases = read_json("encodings.json");
  ASSERT_GT(cases.size(), 10U);
  for (const auto& entry : cases) {
    const auto text = entry["text"].get<std::string>();
    const auto ids = encoder.encode(text);
    EXPECT_EQ(ids, entry["ids"].get<std::vector<TokenId>>()) << text;
    EXPECT_EQ(tokenizer.decode(ids), text);
  }
}

TEST(TokenizerReference, EncodesTheBibleInAsManyTokensAsTiktoken) {
  const Tokenizer tokenizer = Tokenizer::read(kReference / "ranks.tiktoken");
  const nlohmann::json meta = read_json("meta.json");
  const auto documents = bible();
  EXPECT_EQ(documents.size(), meta["documents"].get<size_t>());
  BatchEncoder encoder(tokenizer, 2);
  size_t total = 0;
  for (const auto& ids : encoder.encode(documents)) total += ids.size();
  EXPECT_EQ(total, meta["total_ids"].get<size_t>());
}

std::string unpack(const std::string& name) {
  return LineReader(open_bytes(kReference / name)).rest();
}

TEST(TokenizerReference, LearnsAndEncodesHardTextAsRustbpeAndTiktoken) {
  DocumentReader reader({kReference / "hard.jsonl.gz"}, {});
  std::vector<std::string> documents;
  for (std::string document; reader.next(document);) documents.push_back(document);
  ASSERT_EQ(documents.size(), 65U);
  for (const auto& entry : read_json("hard.json")) {
    const auto name = entry["file"].get<std::string>();
    PieceCounter counter(2);
    counter.add(documents);
    const auto tokens = train_bpe(counter.take(), entry["ranks"].get<size_t>());
    EXPECT_EQ(format_ranks(tokens), unpack(name + ".tiktoken.gz")) << name;

    std::vector<uint16_t> ids;
    for (const auto& document : BatchEncoder(Tokenizer(tokens), 2).encode(documents)) {
      ids.insert(ids.end(), document.begin(), document.end());
    }
    const std::string bytes(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(uint16_t));
    EXPECT_TRUE(bytes == unpack(name + ".u16.gz")) << name << ": other tokens than tiktoken's";
  }
}

TEST(TokenizerReference, SpecialTokensFollowTheLastRank) {
  const Tokenizer tokenizer = Tokenizer::read(kReference / "ranks.tiktoken");
  const nlohmann::json meta = read_json("meta.json");
  EXPECT_EQ(tokenizer.vocab_size(), meta["vocab"].get<size_t>());
  for (const auto& entry : meta["special"]) {
    EXPECT_EQ(tokenizer.special(entry[0].get<std::string>()), entry[1].get<TokenId>());
  }
  EXPECT_EQ(kSplitPattern, meta["pattern"].get<std::string>());
}

}  // namespace
}  // namespace tern::text
