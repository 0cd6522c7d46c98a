#include "data/text/utf8.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tern::text {
namespace {

TEST(Utf8, ReplacesMaximalSubpartsAsPython) {
  // Expected: bytes.decode("utf8", "replace") with U+FFFD shown as ?.
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"plain \u00e9 \u4f60 \U0001F30D", "plain \u00e9 \u4f60 \U0001F30D"},
      {"\x80", "?"},
      {"a\x80"
       "b",
       "a?b"},
      {"\xc0\xaf", "??"},
      {"\xe0\x80\xaf", "???"},
      {"\xf0\x80\x80\xaf", "????"},
      {"\xe0\xa0", "?"},
      {"\xf0\x90\x80", "?"},
      {"\xf4\x90\x80\x80", "????"},
      {"\xed\xa0\x80", "???"},
      {"\xf0\x9f\x98", "?"},
      {"\xf0\x9f"
       "a",
       "?a"},
      {"\xc3(", "?("},
      {"\xe4\xbd\xa0\xff\xe4", "\u4f60??"},
      {"\xf8\x88\x80\x80\x80", "?????"},
      {"\xf1\x80\x80\xe1\x80\xc2", "???"},
  };
  for (const auto& [bytes, shown] : cases) {
    std::string expected;
    for (const char c : shown) {
      if (c == '?') {
        expected += "\uFFFD";
      } else {
        expected += c;
      }
    }
    EXPECT_EQ(replace_invalid_utf8(bytes), expected) << shown;
    EXPECT_FALSE(find_invalid_utf8(replace_invalid_utf8(bytes))) << shown;
  }
}

TEST(Utf8, FindsTheFirstInvalidByteAnywhere) {
  for (size_t at = 0; at < 20; ++at) {
    std::string text(20, 'x');
    text[at] = '\xff';
    EXPECT_EQ(find_invalid_utf8(text), at);
  }
  EXPECT_EQ(find_invalid_utf8("ok \u00e9\u4f60\xe4\xbd"), 8U);
  EXPECT_EQ(find_invalid_utf8("fine \U0001F30D"), std::nullopt);
}

TEST(Utf8, EveryCodePointIsValidAndItsSurrogatesAreNot) {
  for (uint32_t code = 0x80; code < 0x110000; ++code) {
    std::string bytes;
    if (code < 0x800) {
      bytes = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    } else if (code < 0x10000) {
      bytes = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
               static_cast<char>(0x80 | (code & 63))};
    } else {
      bytes = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 63)),
               static_cast<char>(0x80 | (code >> 6 & 63)), static_cast<char>(0x80 | (code & 63))};
    }
    const Utf8Step step = decode_utf8(bytes);
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    ASSERT_EQ(step.valid, !is_surrogate) << code;
    if (step.valid) {
      ASSERT_EQ(step.code_point, code);
      ASSERT_EQ(step.length, bytes.size());
    }
  }
}

TEST(Utf8, CountsAndCropsCodePoints) {
  const std::string text = "a\u00e9\u4f60\U0001F30Dz";
  EXPECT_EQ(count_code_points(text), 5U);
  EXPECT_EQ(crop_code_points(text, 0), "");
  EXPECT_EQ(crop_code_points(text, 2), "a\u00e9");
  EXPECT_EQ(crop_code_points(text, 4), "a\u00e9\u4f60\U0001F30D");
  EXPECT_EQ(crop_code_points(text, 5), text);
  EXPECT_EQ(crop_code_points(text, 99), text);
}

TEST(Utf8, TellsHowMuchOfTheEndWaitsForMore) {
  EXPECT_EQ(unfinished_utf8(""), 0U);
  EXPECT_EQ(unfinished_utf8("abc"), 0U);
  const std::string character = "\U0001F30D";
  for (size_t bytes = 1; bytes < 4; ++bytes) EXPECT_EQ(unfinished_utf8("a" + character.substr(0, bytes)), bytes);
  EXPECT_EQ(unfinished_utf8("a" + character), 0U);
  EXPECT_EQ(unfinished_utf8("\x80\x80\x80\x80"), 0U) << "nothing will ever make these a character";
}

TEST(Utf8, InvalidTextIsAnErrorWithFileAndOffsetOrReplacedOnRequest) {
  std::string text = "abc\xff";
  try {
    require_utf8(text, InvalidUtf8::reject, "notes.txt", 100);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(error.what()).find("invalid UTF-8 at byte 103, notes.txt, "), 0U) << error.what();
  }
  require_utf8(text, InvalidUtf8::replace, "notes.txt");
  EXPECT_EQ(text, "abc\uFFFD");
}

}  // namespace
}  // namespace tern::text
