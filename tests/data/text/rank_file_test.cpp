#include "data/text/rank_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "data/text/base64.h"
#include "data/text/tokenizer.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

std::vector<std::string> single_bytes() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  return tokens;
}

std::string content_with(const std::string& more) {
  return format_ranks(single_bytes()) + more;
}

void expect_refused(const std::string& content, const std::string& message, RankGaps gaps = RankGaps::reject) {
  try {
    static_cast<void>(parse_ranks(content, "x.tiktoken", gaps));
    FAIL() << "accepted; expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()).find(message), 0U) << error.what();
  }
}

TEST(RankFile, WritesAndReadsTheSameTokens) {
  auto tokens = single_bytes();
  for (const std::string token : {"th", "the", "\xff\xfe"}) tokens.push_back(token);
  tokens.push_back(std::string("\0\0", 2));
  EXPECT_EQ(parse_ranks(format_ranks(tokens), "x"), tokens);
  EXPECT_EQ(format_ranks({"a", "bc"}), "YQ== 0\nYmM= 1\n");
}

TEST(RankFile, TakesWindowsLineEndsBlankLinesAndAnyOrder) {
  EXPECT_EQ(parse_ranks("YWI= 256\r\n\r\n" + content_with(""), "x")[256], "ab");
  EXPECT_EQ(parse_ranks(content_with("YWI= 256"), "x").size(), 257U);
}

TEST(RankFile, EveryDefectNamesItsLine) {
  expect_refused("", "the tokenizer file is empty, x.tiktoken, train the tokenizer again");
  expect_refused("\n\n", "the tokenizer file is empty, x.tiktoken");
  expect_refused(content_with("YWI=\n"), "no space between token and rank in \"YWI=\", x.tiktoken line 257");
  expect_refused(content_with("Y!I= 256\n"), "not base64: \"Y!I=\", x.tiktoken line 257");
  expect_refused(content_with("YWJ= 256\n"), "not base64: \"YWJ=\", x.tiktoken line 257");
  expect_refused(content_with(" 256\n"), "not base64: \"\", x.tiktoken line 257");
  expect_refused(content_with("YWI= 25x\n"), "not a rank: \"25x\", x.tiktoken line 257");
  expect_refused(content_with("YWI= -1\n"), "not a rank: \"-1\", x.tiktoken line 257");
  expect_refused(content_with("YWI= 99999999999\n"), "not a rank: \"99999999999\", x.tiktoken line 257");
  expect_refused(content_with("YWI= 200\n"), "rank 200 occurs twice, x.tiktoken line 257");
  expect_refused(content_with("YWI= 256\nYWI= 257\n"),
                 "token YWI= occurs twice, first in line 257, x.tiktoken line 258");
  expect_refused(content_with("YWI= 257\n"), "rank 256 is missing, x.tiktoken");
  const std::string all = content_with("");
  expect_refused(all.substr(all.find('\n') + 1), "no token for the single byte 0, x.tiktoken", RankGaps::allow);
  expect_refused(std::string("\x80PK\x03\x04 binary"), "not base64: \"?PK??\", x.tiktoken line 1");
}

TEST(RankFile, GapsAreTakenOnlyOnRequest) {
  const auto tokens = parse_ranks(content_with("YWI= 258\n"), "x", RankGaps::allow);
  ASSERT_EQ(tokens.size(), 259U);
  EXPECT_EQ(tokens[257], "");
  const Tokenizer tokenizer(tokens);
  EXPECT_EQ(tokenizer.bos(), 259);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{258, 257, 98}), "abb");
}

TEST(Base64, DecodesWhatItEncodesAndNothingElse) {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                    {"f", "Zg=="},
                                                                                    {"fo", "Zm8="},
                                                                                    {"foo", "Zm9v"},
                                                                                    {"foobar", "Zm9vYmFy"},
                                                                                    {"\xff\xff\xff", "////"}}) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
  for (const std::string bad :
       {"Z", "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm9_", " Zg=", "Zg= ="}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
}

TEST(Tokenizer, MissingFileAndForeignTokensAreErrors) {
  const test::TempFolder folder;
  try {
    static_cast<void>(Tokenizer::read(folder / "none"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(std::string(error.what()).find("no tokenizer, "), std::string::npos) << error.what();
  }
  const Tokenizer tokenizer(single_bytes());
  EXPECT_EQ(tokenizer.vocab_size(), 265U);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{256, 97}), "<|bos|>a");
  for (const TokenId id : {-1, 265}) EXPECT_THROW(static_cast<void>(tokenizer.bytes(id)), Error);
  EXPECT_THROW(static_cast<void>(tokenizer.special("<|nobody|>")), Error);
}

TEST(Tokenizer, WritesWhatItReads) {
  const test::TempFolder folder;
  const Tokenizer tokenizer(parse_ranks(content_with("YWI= 256\n"), "x"));
  tokenizer.write(folder / "r.tiktoken");
  EXPECT_EQ(Tokenizer::read(folder / "r.tiktoken").vocabulary().tokens(), tokenizer.vocabulary().tokens());
  const auto lengths = tokenizer.byte_lengths();
  EXPECT_EQ(lengths[255], 1);
  EXPECT_EQ(lengths[256], 2);
  for (size_t id = 257; id < lengths.size(); ++id) EXPECT_EQ(lengths[id], 0);
}

}  // namespace
}  // namespace tern::text
