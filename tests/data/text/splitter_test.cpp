#include "data/text/splitter.h"

#include <gtest/gtest.h>

#include <random>

#include "data/text/regex_splitter.h"

namespace tern::text {
namespace {

using Pieces = std::vector<std::string>;

Pieces split(std::string_view text) {
  Pieces pieces;
  Splitter().split(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

Pieces split_by_regex(const RegexSplitter& regex, std::string_view text) {
  Pieces pieces;
  regex.split(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

std::string utf8(uint32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  std::string bytes;
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const uint32_t mark = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
  bytes += static_cast<char>(mark | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) bytes += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
  return bytes;
}

TEST(Splitter, FollowsEachAlternativeOfThePattern) {
  EXPECT_EQ(split("I'll we'VE it'\u017Fx 'sabc"),
            (Pieces{"I", "'ll", " we", "'VE", " it", "'\u017F", "x", " '", "sabc"}));
  EXPECT_EQ(split("'sabc'lx'l"), (Pieces{"'s", "abc", "'lx", "'l"}));
  EXPECT_EQ(split("12345 6"), (Pieces{"12", "34", "5", " ", "6"}));
  EXPECT_EQ(split(" !?\r\n\nx"), (Pieces{" !?\r\n\n", "x"}));
  EXPECT_EQ(split("a  \n \n  b"), (Pieces{"a", "  \n \n", " ", " b"}));
  EXPECT_EQ(split("a   "), (Pieces{"a", "   "}));
  EXPECT_EQ(split("\t!\t\tx"), (Pieces{"\t", "!", "\t", "\tx"}));
  EXPECT_EQ(split("-word --word"), (Pieces{"-word", " --", "word"}));
  EXPECT_EQ(split(""), Pieces{});
}

TEST(Splitter, BytesThatAreNotUtf8AreKept) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? random() % 256 : "ab '1\n\xe4\xbd"[random() % 8]);
    std::string together;
    for (const auto& piece : split(text)) {
      EXPECT_FALSE(piece.empty());
      together += piece;
    }
    EXPECT_EQ(together, text);
  }
}

TEST(Splitter, KnowsLettersAndNumbersOfUnicode15And16) {
  const CharClass* classes = code_point_classes();
  for (const uint32_t code : {0x31350U, 0x1E4D0U, 0x105C0U, 0x1C89U}) EXPECT_EQ(classes[code], CharClass::letter);
  EXPECT_EQ(classes[0x16130], CharClass::number);
  EXPECT_EQ(classes[0x180E], CharClass::other);
  EXPECT_EQ(classes[0x85], CharClass::space);
}

// PCRE2 as a second opinion, on characters whose class it knows as we do (it lacks those of Unicode 15 and later).
class AgainstPcre2 : public testing::Test {
 protected:
  AgainstPcre2() {
    const RegexSplitter letter("\\p{L}+");
    const RegexSplitter number("\\p{N}+");
    const RegexSplitter space("\\s+");
    const auto is_in = [](const RegexSplitter& regex, const std::string& text) {
      return split_by_regex(regex, text + "\u0300").size() == 2;  // the combining mark is in none of the classes
    };
    for (uint32_t code = 1; code < 0x110000; ++code) {
      if (code >= 0xD800 && code < 0xE000) continue;
      const std::string text = utf8(code);
      const CharClass kind = code_point_classes()[code];
      const bool agrees = is_in(letter, text) == (kind == CharClass::letter) &&
                          is_in(number, text) == (kind == CharClass::number) &&
                          is_in(space, text) == (kind == CharClass::space || kind == CharClass::newline);
      if (agrees || code == 0x300) {
        known_[static_cast<size_t>(kind)].push_back(text);
      } else {
        ++unknown_;
      }
    }
  }

  std::string random_text(std::mt19937& random, size_t length) const {
    static const Pieces fragments = {"'s",   "'LL", "'\u017F", "'ve",    "'",          " ",  "  ",  "\n",
                                     "\r\n", "\t",  "\u00a0",  "a",      "Z",          "12", "345", "!",
                                     "...",  "-",   "\u180e",  "\u4f60", "\U0001F30D", " '", "'t "};
    std::string text;
    for (size_t i = 0; i < length; ++i) {
      if (random() % 3 != 0) {
        text += fragments[random() % fragments.size()];
      } else {
        const auto& characters = known_[random() % 5];
        text += characters[random() % characters.size()];
      }
    }
    return text;
  }

  std::vector<Pieces> known_ = std::vector<Pieces>(5);
  int unknown_ = 0;
};

TEST_F(AgainstPcre2, SplitsRandomTextAlike) {
  EXPECT_GT(unknown_, 0);
  EXPECT_LT(unknown_, 10'000);
  const RegexSplitter regex(kSplitPattern);
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    const std::string text = random_text(random, 1 + random() % 40);
    ASSERT_EQ(split(text), split_by_regex(regex, text)) << text;
  }
}

TEST_F(AgainstPcre2, SplitsVeryLongPiecesAlike) {
  const RegexSplitter regex(kSplitPattern);
  for (const std::string unit : {"a", "\u4f60", " ", "\n", "\t\n ", "!", "=\u00a1", "7", "a ", "'s"}) {
    std::string text;
    while (text.size() < 500'000) text += unit;
    EXPECT_TRUE(split(text) == split_by_regex(regex, text)) << unit;
    text += "x!";
    EXPECT_TRUE(split(text) == split_by_regex(regex, text)) << unit;
  }
}

TEST(RegexSplitter, MatchesTheOtherPatternsAsPython) {
  // Recorded with the Python package regex and the patterns of tiktoken_ext.openai_public.
  EXPECT_EQ(split_by_regex(RegexSplitter(kGpt2Pattern), "It's 12345  \n\n days!! ok  "),
            (Pieces{"It", "'s", " 12345", "  \n\n", " days", "!!", " ok", "  "}));
  EXPECT_EQ(split_by_regex(RegexSplitter(kGpt4Pattern), "It'S 12345  \n\n days!!\n ok  "),
            (Pieces{"It", "'S", " ", "123", "45", "  \n\n", " days", "!!\n", " ok", "  "}));
}

TEST(RegexSplitter, WhatNothingMatchesIsAPieceOfItsOwn) {
  EXPECT_EQ(split_by_regex(RegexSplitter("[ab]+"), "xxabyya"), (Pieces{"xx", "ab", "yy", "a"}));
}

}  // namespace
}  // namespace tern::text
