#include "data/puzzles/arc_json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

ArcSubset parse(const std::string& challenges, const std::optional<std::string>& solutions = std::nullopt) {
  std::optional<ArcSource> source;
  if (solutions) source = ArcSource{*solutions, "sol.json"};
  return parse_arc_subset({challenges, "ch.json"}, source);
}

// The message of the error, which must be of kind data.
std::string error_of(const std::string& challenges, const std::optional<std::string>& solutions = std::nullopt) {
  try {
    (void)parse(challenges, solutions);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    return e.what();
  }
  return "no error";
}

// A puzzle "p" whose only training input is the given JSON.
std::string puzzle_with_input(const std::string& grid) {
  return R"({"p": {"train": [{"input": )" + grid + R"(, "output": [[1]]}], "test": [{"input": [[1]]}]}})";
}

TEST(ArcJson, KeepsOrderOfPuzzlesAndKeysAndFillsSolutions) {
  const ArcSubset subset = parse(R"({"b": {"test": [{"input": [[1, 2]]}], "train": []}, "a": {"train": [
      {"output": [[3], [4]], "input": [[5]]}], "test": [{"input": [[6]], "output": [[7]]}]}})",
                                 R"({"a": [[[8]]], "b": [[[9, 0]]]})");
  ASSERT_EQ(subset.puzzles.size(), 2u);
  EXPECT_TRUE(subset.has_solutions);
  EXPECT_EQ(subset.puzzles[0].name, "b");
  EXPECT_TRUE(subset.puzzles[0].parts[0].is_test);
  EXPECT_EQ(subset.puzzles[0].parts[0].pairs[0].output, (Grid{1, 2, {9, 0}}));
  EXPECT_FALSE(subset.puzzles[1].parts[0].is_test);
  EXPECT_EQ(subset.puzzles[1].parts[0].pairs[0].output, (Grid{2, 1, {3, 4}}));
  EXPECT_EQ(subset.puzzles[1].parts[1].pairs[0].output, (Grid{1, 1, {8}}));
  EXPECT_EQ(subset.puzzles[0].json, R"({"test": [{"input": [[1, 2]], "output": [[9, 0]]}], "train": []})");
}

TEST(ArcJson, FillsDummiesOnlyWhereAnOutputIsMissing) {
  const ArcSubset subset = parse(R"({"p": {"test": [{"input": [[1]]}, {"input": [[1]], "output": [[5]]}]}})");
  EXPECT_FALSE(subset.has_solutions);
  EXPECT_EQ(subset.puzzles[0].parts[0].pairs[0].output, (Grid{1, 1, {0}}));
  EXPECT_EQ(subset.puzzles[0].parts[0].pairs[1].output, (Grid{1, 1, {5}}));
}

TEST(ArcJson, RefusesMalformedGridsAndNamesThePlace) {
  const std::string place = ", ch.json, puzzle p, train pair 1 input";
  EXPECT_EQ(error_of(puzzle_with_input("[[1, 2], [3]]")), "grid is not rectangular" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[1], 2]")), "grid is not rectangular" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[10]]")), "value 10 is outside 0-9" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[-1]]")), "value -1 is outside 0-9" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[18446744073709551615]]")),
            "value 18446744073709551615 is outside 0-9" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[1.5]]")), "value 1.5 is outside 0-9" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[\"1\"]]")), "value \"1\" is outside 0-9" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[]")), "grid is not a list of rows" + place);
  EXPECT_EQ(error_of(puzzle_with_input("7")), "grid is not a list of rows" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[[], []]")), "grid has an empty row" + place);
  EXPECT_EQ(error_of(puzzle_with_input("[1, 2]")), "grid has an empty row" + place);
  std::string long_row = "[[0";
  for (int i = 0; i < 30; ++i) long_row += ", 0";
  EXPECT_EQ(error_of(puzzle_with_input(long_row + "]]")), "grid of 1 x 31 is larger than 30 x 30" + place);
}

TEST(ArcJson, RefusesMissingAndSurplusSolutions) {
  const std::string puzzle = R"({"p": {"train": [], "test": [{"input": [[1]]}, {"input": [[2]]}]}})";
  EXPECT_EQ(error_of(puzzle, "{}"), "no solution for this puzzle, sol.json, puzzle p, complete the file or remove it");
  EXPECT_EQ(error_of(puzzle, R"({"p": [[[1]]]})"), "pair has no solution, ch.json, puzzle p, test pair 2");
  EXPECT_EQ(error_of(puzzle, R"({"p": [[[1]], [[1]], [[1]]]})"), "3 solutions for 2 test pairs, sol.json, puzzle p");
  EXPECT_EQ(error_of(puzzle, R"({"p": 3})"), "solution is not a list of grids, sol.json, puzzle p");
  EXPECT_EQ(error_of(puzzle, R"({"p": [[[1]], [[1], []]]})"),
            "grid is not rectangular, sol.json, puzzle p, test pair 2");
}

TEST(ArcJson, RefusesOtherShapes) {
  EXPECT_EQ(error_of("[]"), "not a JSON object of puzzles, ch.json");
  EXPECT_EQ(error_of(R"({"p": 1})"), "puzzle is not an object, ch.json, puzzle p");
  EXPECT_EQ(error_of(R"({"p": {"train": []}})"), "puzzle has no list \"test\", ch.json, puzzle p");
  EXPECT_EQ(error_of(R"({"p": {"test": [1]}})"), "a test pair is not an object, ch.json, puzzle p");
  EXPECT_EQ(error_of(R"({"p": {"test": [], "tset": []}})"),
            "unknown key \"tset\", ch.json, puzzle p, a puzzle has \"train\" and \"test\"");
  EXPECT_EQ(error_of(R"({"p": {"test": [], "train": [{"input": [[1]]}]}})"),
            "pair has no output, ch.json, puzzle p, train pair 1");
  EXPECT_EQ(error_of(R"({"p": {"test": [{}]}})"), "pair has no input, ch.json, puzzle p, test pair 1");
}

TEST(ArcJson, RefusesBrokenAndHostileJson) {
  EXPECT_EQ(error_of("{\"p\": {\n\"test\": [}").substr(0, 59),
            "broken JSON (parse error at line 2, column 10: syntax error");
  EXPECT_NE(error_of("").find("broken JSON"), std::string::npos);
  EXPECT_EQ(error_of("{\"p\": 1e999}"), "broken JSON (number overflow parsing '1e999'), ch.json");
  const std::string deep = std::string(200000, '[');
  EXPECT_EQ(error_of("{\"p\": " + deep), "JSON is nested deeper than 100 levels, ch.json");
}

TEST(ArcJson, NamesAMissingSubset) {
  const tern::test::TempFolder folder;
  try {
    (void)load_arc_subset((folder / "arc").string(), "training");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_EQ(std::string(e.what()), "subset training not found, " +
                                         (folder / "arc_training_challenges.json").string() +
                                         ", check --input-file-prefix and --subsets");
  }
}

}  // namespace
}  // namespace tern::puzzles
