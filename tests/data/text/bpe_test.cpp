// Training and merging against the plainest form of both algorithms.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "data/text/bpe_trainer.h"
#include "data/text/encoder.h"
#include "data/text/piece_merger.h"

namespace tern::text {
namespace {

using Ids = std::vector<TokenId>;

// Counts all pairs again at every step.
std::vector<std::string> train_plainly(const PieceCounts& pieces, size_t ranks) {
  std::vector<std::pair<Ids, int64_t>> words;
  pieces.for_each([&](std::string_view piece, int64_t count) {
    Ids ids;
    for (const char byte : piece) ids.push_back(static_cast<uint8_t>(byte));
    words.emplace_back(ids, count);
  });
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  while (tokens.size() < ranks) {
    std::map<std::pair<TokenId, TokenId>, int64_t> counts;
    for (const auto& [ids, count] : words) {
      for (size_t i = 0; i + 1 < ids.size(); ++i) counts[{ids[i], ids[i + 1]}] += count;
    }
    if (counts.empty()) break;
    const auto best = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                        return a.second < b.second;
                      })->first;
    const auto merged = static_cast<TokenId>(tokens.size());
    tokens.push_back(tokens[static_cast<size_t>(best.first)] + tokens[static_cast<size_t>(best.second)]);
    for (auto& [ids, count] : words) {
      Ids shorter;
      for (size_t i = 0; i < ids.size(); ++i) {
        const bool is_pair = i + 1 < ids.size() && std::pair(ids[i], ids[i + 1]) == best;
        shorter.push_back(is_pair ? merged : ids[i]);
        if (is_pair) ++i;
      }
      ids = shorter;
    }
  }
  return tokens;
}

// Joins the leftmost pair of the lowest rank until there is none.
Ids merge_plainly(const Vocabulary& vocabulary, std::string_view piece) {
  Ids ids;
  for (const char byte : piece) ids.push_back(vocabulary.id_of_byte(static_cast<uint8_t>(byte)));
  for (;;) {
    uint32_t best = Vocabulary::kNone;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto joined = vocabulary.find(std::string(vocabulary.tokens()[static_cast<size_t>(ids[i])]) +
                                          vocabulary.tokens()[static_cast<size_t>(ids[i + 1])]);
      if (joined && static_cast<uint32_t>(*joined) < best) {
        best = static_cast<uint32_t>(*joined);
        at = i;
      }
    }
    if (best == Vocabulary::kNone) return ids;
    ids[at] = static_cast<TokenId>(best);
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

std::string random_word(std::mt19937& random, size_t letters, size_t length) {
  std::string word(length, 'a');
  for (char& c : word) c = static_cast<char>('a' + random() % letters);
  return word;
}

TEST(BpeTrainer, LearnsWhatCountingAfreshAtEveryStepLearns) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    PieceCounts pieces;
    const size_t letters = 1 + random() % 4;
    for (int i = 0; i < 30; ++i) pieces.add(random_word(random, letters, random() % 30), 1 + random() % 3);
    const size_t ranks = 256 + random() % 60;
    ASSERT_EQ(train_bpe(pieces, ranks), train_plainly(pieces, ranks)) << round;
  }
}

TEST(BpeTrainer, TiesGoToTheSmallerPair) {
  PieceCounts pieces;
  for (const char* word : {"zy", "ba", "ab", "az"}) pieces.add(word, 7);
  const auto tokens = train_bpe(pieces, 260);
  EXPECT_EQ(std::vector<std::string>(tokens.begin() + 256, tokens.end()),
            (std::vector<std::string>{"ab", "az", "ba", "zy"}));
}

TEST(BpeTrainer, StopsWhenNoPairIsLeft) {
  PieceCounts pieces;
  pieces.add("abc", 2);
  pieces.add("x", 100);
  const auto tokens = train_bpe(pieces, 5000);
  EXPECT_EQ(std::vector<std::string>(tokens.begin() + 256, tokens.end()), (std::vector<std::string>{"ab", "abc"}));
  EXPECT_EQ(train_bpe(PieceCounts(), 300).size(), 256U);
}

TEST(BpeTrainer, ReportsEveryMerge) {
  PieceCounts pieces;
  pieces.add("abcabc", 2);
  std::vector<size_t> seen;
  static_cast<void>(train_bpe(pieces, 258, [&](size_t merges) { seen.push_back(merges); }));
  EXPECT_EQ(seen, (std::vector<size_t>{1, 2}));
}

TEST(PieceCounts, CountsManyPiecesAndMergesThem) {
  PieceCounts even;
  PieceCounts all;
  for (int i = 0; i < 50'000; ++i) (i % 2 == 0 ? even : all).add(std::to_string(i % 20'000));
  all.merge(even);
  EXPECT_EQ(all.size(), 20'000U);
  int64_t total = 0;
  all.for_each([&](std::string_view piece, int64_t count) {
    total += count;
    EXPECT_EQ(count, std::stoi(std::string(piece)) < 10'000 ? 3 : 2) << piece;
  });
  EXPECT_EQ(total, 50'000);
}

TEST(PieceMerger, ShortAndLongPiecesMergeAsThePlainLoopDoes) {
  std::mt19937 random(9);
  for (int round = 0; round < 40; ++round) {
    PieceCounts pieces;
    const size_t letters = 1 + random() % 3;
    for (int i = 0; i < 40; ++i) pieces.add(random_word(random, letters, random() % 40));
    auto tokens = train_bpe(pieces, 256 + random() % 80);
    if (round % 2 == 1) std::shuffle(tokens.begin(), tokens.end(), random);  // any ranks, not only trained ones
    const Vocabulary vocabulary(tokens);
    PieceMerger merger(vocabulary);
    for (const size_t length : {1, 2, 3, 30, 63, 64, 65, 66, 200}) {
      const std::string piece = random_word(random, letters, length);
      Ids ids;
      merger.merge(piece, ids);
      ASSERT_EQ(ids, merge_plainly(vocabulary, piece)) << piece;
    }
  }
}

TEST(PieceMerger, AMegabyteWithoutABreakIsMergedToo) {
  PieceCounts pieces;
  pieces.add(std::string(4096, 'a'));
  const Tokenizer tokenizer(train_bpe(pieces, 268));
  const auto ids = Encoder(tokenizer).encode(std::string(1'000'000, 'a') + "b");
  EXPECT_EQ(tokenizer.decode(ids), std::string(1'000'000, 'a') + "b");
  EXPECT_EQ(ids.size(), 1'000'000 / 4096 + 3U);  // 244 tokens of 4096, then 512 + 64, then b
}

TEST(Encoder, TakesAWholePieceFromTheVocabularyEvenIfMergesDontLeadThere) {
  auto tokens = train_bpe(PieceCounts(), 256);
  tokens.push_back("word");  // no "wo", "or", ...
  Encoder encoder((Tokenizer(tokens)));
  EXPECT_EQ(encoder.encode("word"), Ids{256});
  EXPECT_EQ(encoder.encode("words").size(), 5U);
}

TEST(Encoder, RememberedPiecesGiveTheSameTokens) {
  std::mt19937 random(4);
  PieceCounts pieces;
  for (int i = 0; i < 500; ++i) pieces.add(random_word(random, 5, 1 + random() % 12));
  const Tokenizer tokenizer(train_bpe(pieces, 400));
  Encoder used(tokenizer);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_word(random, 5, 1 + random() % 20);
    const Ids ids = used.encode(text);
    ASSERT_EQ(used.encode(text), ids);
    ASSERT_EQ(tokenizer.decode(ids), text);
    if (round % 500 == 0) {
      ASSERT_EQ(Encoder(tokenizer).encode(text), ids);
    }
  }
}

TEST(Encoder, ArbitraryBytesComeBack) {
  std::mt19937 random(8);
  Encoder encoder(Tokenizer(train_bpe(PieceCounts(), 256)));
  for (int round = 0; round < 1000; ++round) {
    std::string bytes(random() % 50, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(encoder.tokenizer().decode(encoder.encode(bytes)), bytes);
  }
}

TEST(BatchEncoder, GivesTheSameForAnyNumberOfThreads) {
  std::mt19937 random(2);
  std::vector<std::string> documents;
  for (int i = 0; i < 100; ++i) documents.push_back(random_word(random, 4, random() % 400));
  const Tokenizer tokenizer(train_bpe(PieceCounts(), 256));
  const auto expected = BatchEncoder(tokenizer, 1).encode(documents, tokenizer.bos());
  ASSERT_EQ(expected.size(), 100U);
  for (const auto& ids : expected) EXPECT_EQ(ids.front(), tokenizer.bos());
  EXPECT_EQ(BatchEncoder(tokenizer, 4).encode(documents, tokenizer.bos()), expected);
  EXPECT_TRUE(BatchEncoder(tokenizer, 4).encode({}).empty());
}

}  // namespace
}  // namespace tern::text
