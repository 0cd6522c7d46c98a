#include "data/puzzles/metadata.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tern::puzzles {
namespace {

const std::string kText =
    R"({"pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": 12, "seq_len": 900, )"
    R"("num_puzzle_identifiers": 801, "total_groups": 800, "mean_puzzle_examples": 3.85125, "total_puzzles": 800, )"
    R"("sets": ["all"]})";

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kText;
  return text.replace(text.find(from), from.size(), to);
}

std::string error_of(const std::string& text) {
  try {
    (void)parse_metadata(text, "d.json");
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    return e.what();
  }
  return "no error";
}

TEST(Metadata, RoundTripsUpstreamsText) {
  EXPECT_EQ(format_metadata(parse_metadata(kText, "d.json")), kText);
  const std::string without_ignored = replaced(R"("ignore_label_id": 0)", R"("ignore_label_id": null)");
  EXPECT_EQ(parse_metadata(without_ignored, "d.json").ignore_label_id, std::nullopt);
  EXPECT_EQ(format_metadata(parse_metadata(without_ignored, "d.json")), without_ignored);
}

TEST(Metadata, RefusesBadValuesAndNamesTheKey) {
  const std::string end = ", d.json, rebuild the dataset";
  EXPECT_EQ(error_of("{"), "broken JSON" + end);
  EXPECT_EQ(error_of("[]"), "not a JSON object" + end);
  EXPECT_EQ(error_of(replaced("\"pad_id\"", "\"pad\"")), "no key \"pad_id\"" + end);
  EXPECT_EQ(error_of(replaced("900", "900.5")), "\"seq_len\" is not an integer" + end);
  EXPECT_EQ(error_of(replaced("900", "0")), "\"seq_len\" is below 1" + end);
  EXPECT_EQ(error_of(replaced("900", "18446744073709551615")), "\"seq_len\" is not an integer" + end);
  EXPECT_EQ(error_of(replaced("3.85125", "\"x\"")), "\"mean_puzzle_examples\" is not a number" + end);
  EXPECT_EQ(error_of(replaced("[\"all\"]", "[]")), "\"sets\" is not a list of names" + end);
  EXPECT_EQ(error_of(replaced("[\"all\"]", "[\"../all\"]")), "\"sets\" is not a list of names" + end);
  EXPECT_EQ(error_of(replaced("[\"all\"]", "[1]")), "\"sets\" is not a list of names" + end);
}

}  // namespace
}  // namespace tern::puzzles
