// Crop, inverse augmentation and vote, each against its plain definition; order of ties; ranks and saved votes.
#include "data/puzzles/arc_vote.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/crop.h"
#include "data/puzzles/packed_grid.h"
#include "tests/data/puzzles/arc_puzzles.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

using Json = nlohmann::ordered_json;

// The crop as upstream writes it: the width shrinks to the shortest row so far, area must grow to win.
std::pair<int, int> plain_crop_size(const std::vector<int32_t>& tokens) {
  int best_area = 0;
  std::pair<int, int> best = {0, 0};
  int num_c = 30;
  for (int num_r = 1; num_r <= 30; ++num_r) {
    for (int c = 1; c <= num_c; ++c) {
      const int32_t x = tokens[static_cast<size_t>((num_r - 1) * 30 + c - 1)];
      if (x < 2 || x > 11) {
        num_c = c - 1;
        break;
      }
    }
    if (num_r * num_c > best_area) {
      best_area = num_r * num_c;
      best = {num_r, num_c};
    }
  }
  return best;
}

TEST(Crop, EqualsThePlainDefinitionOnRaggedRows) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<int32_t> tokens(900);
    const uint32_t holes = round % 3 == 0 ? 4 : round % 3 == 1 ? 40 : 400;
    for (int32_t& token : tokens) {
      const bool hole = random() % holes == 0;
      const std::array odd = {0, 1, 12, -5, INT32_MAX};
      token = hole ? odd[random() % odd.size()] : static_cast<int32_t>(2 + random() % 10);
    }
    const Grid grid = crop(tokens);
    ASSERT_EQ(std::pair(int{grid.rows}, int{grid.cols}), plain_crop_size(tokens)) << round;
    ASSERT_EQ(grid.cells.size(), size_t{grid.rows} * grid.cols);
    for (int r = 0; r < grid.rows; ++r) {
      for (int c = 0; c < grid.cols; ++c) {
        ASSERT_EQ(grid.cells[static_cast<size_t>(r * grid.cols + c)], tokens[static_cast<size_t>(r * 30 + c)] - 2);
      }
    }
  }
}

TEST(Crop, NothingAndEverything) {
  EXPECT_EQ(crop(std::vector<int32_t>(900, 0)), Grid{});
  const Grid full = crop(std::vector<int32_t>(900, 11));
  EXPECT_EQ(full.rows * full.cols, 900);
}

TEST(Undo, ReversesEveryAugmentation) {
  std::mt19937 random(2);
  for (int round = 0; round < 400; ++round) {
    const Grid grid =
        test::random_grid(random, 1 + static_cast<int>(random() % 30), 1 + static_cast<int>(random() % 30), 10);
    Augmentation augmentation;
    augmentation.transform = static_cast<uint8_t>(round % 8);
    std::shuffle(augmentation.colours.begin() + 1, augmentation.colours.end(), random);
    const Grid changed = test::augmented_plainly(grid, augmentation.transform, augmentation.colours);
    EXPECT_EQ(undo(augmentation, changed), grid);
    EXPECT_EQ(unpack(pack(changed)), changed);
    const std::string name = augmented_name("ab12", augmentation);
    const AugmentedName parsed = parse_augmented_name(name, "identifiers.json");
    EXPECT_EQ(parsed.puzzle, "ab12");
    EXPECT_EQ(parsed.augmentation, augmentation);
  }
  EXPECT_EQ(undo({3, kSameColours}, Grid{}), Grid{});
}

TEST(ArcIdentifiers, RefusesMalformedNames) {
  for (const char* name : {"a|||t3", "a|||t8|||0123456789", "a|||3|||0123456789", "a|||t3|||012345678",
                           "a|||t3|||0123456788", "a|||t3|||012345678x", "a|||t10|||0123456789", "|||", "||||||"}) {
    EXPECT_THROW((void)parse_augmented_name(name, "x"), Error) << name;
  }
  for (const char* text : {"", "{}", "[1]", "[[\"a\"]]", "[\"a\"", "\"a\"", "[null]", "[\"a|||t3\"]", "[{\"a\": 1}]"}) {
    try {
      (void)parse_arc_identifiers(text, "d/identifiers.json", {});
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(exit_code(e.kind()), 3);
      EXPECT_NE(std::string(e.what()).find("d/identifiers.json"), std::string::npos) << e.what();
    }
  }
}

// Two puzzles: "one" with a single test input, "two" with two. Identifiers: 0 blank, 1 one, 2 one turned, 3 two,
// 4 a puzzle that isn't tested.
class ArcVoteTest : public testing::Test {
 protected:
  ArcVoteTest() {
    write_file_atomically(folder_ / "identifiers.json",
                          R"(["<blank>", "one", "one|||t1|||0123456798", "two", "other"])");
    write_file_atomically(folder_ / "test_puzzles.json",
                          R"({"one": {"train": [], "test": [{"input": [[1, 2]], "output": [[5]]}]},
                              "two": {"test": [{"input": [[3]], "output": [[4]]}, {"input": [[7]], "output": [[8]]}]}})");
  }

  static std::vector<int32_t> row(const Grid& grid) {
    std::vector<int32_t> tokens(900, 0);
    for (int r = 0; r < grid.rows; ++r) {
      for (int c = 0; c < grid.cols; ++c) {
        tokens[static_cast<size_t>(r * 30 + c)] = grid.cells[static_cast<size_t>(r * grid.cols + c)] + 2;
      }
    }
    return tokens;
  }

  // One vote: a 1 x n prediction on a 1 x n input.
  static void vote(ArcVote& votes, int32_t identifier, const std::vector<uint8_t>& input,
                   const std::vector<uint8_t>& prediction, double logit) {
    const auto line = [](const std::vector<uint8_t>& cells) {
      return Grid{1, static_cast<uint8_t>(cells.size()), cells};
    };
    const std::vector<int32_t> inputs = row(line(input));
    const std::vector<int32_t> preds = row(line(prediction));
    votes.update({inputs, preds, std::span(&identifier, 1), std::span(&logit, 1)});
  }

  [[nodiscard]] ArcVote make(ArcVoteOptions options = {}) const { return {folder_.path(), 0, std::move(options)}; }

  static std::vector<int> attempts(const ArcVote& votes, const std::string& puzzle) {
    std::vector<int> first_cells;
    const Json submission = Json::parse(votes.result().submission_json);
    for (const auto& [name, grid] : submission[puzzle][0].items()) first_cells.push_back(grid[0][0]);
    return first_cells;
  }

  tern::test::TempFolder folder_;
};

TEST_F(ArcVoteTest, CountThenMeanQThenFirstCome) {
  ArcVote votes = make({.submission_k = 5});
  vote(votes, 1, {1, 2}, {1}, 5);  // one confident vote
  vote(votes, 1, {1, 2}, {2}, -3);
  vote(votes, 1, {1, 2}, {3}, 0);
  vote(votes, 1, {1, 2}, {2}, -3);  // two votes win over any confidence
  vote(votes, 1, {1, 2}, {4}, 0);   // ties with 3, came later
  EXPECT_EQ(attempts(votes, "one"), (std::vector<int>{2, 1, 3, 4, 2}));
}

TEST_F(ArcVoteTest, ScoresPassAtKPerPuzzle) {
  ArcVote votes = make({.pass_ks = {1, 2}});
  vote(votes, 1, {1, 2}, {6}, 1);
  vote(votes, 1, {1, 2}, {5}, 0);  // the right one is second
  vote(votes, 3, {3}, {4}, 0);     // right; the puzzle's other input stays unanswered
  const ArcScores scores = votes.result();
  EXPECT_EQ(scores.scores, (std::vector<std::pair<std::string, double>>{{"ARC/pass@1", 0.25}, {"ARC/pass@2", 0.75}}));
  EXPECT_EQ(scores.unanswered, std::vector<std::string>{"two"});
  EXPECT_EQ(
      scores.submission_json,
      R"({"one": [{"attempt_1": [[6]], "attempt_2": [[5]]}], "two": [{"attempt_1": [[4]], "attempt_2": [[4]]}]})");
}

TEST_F(ArcVoteTest, UndoesTheAugmentationOfInputAndPrediction) {
  ArcVote votes = make({.submission_k = 1});
  // "one|||t1|||0123456798" exchanges 8 and 9 and turns left: the input [[1, 2]] became a column 2 over 1.
  const std::vector<int32_t> inputs = row({2, 1, {2, 1}});
  const std::vector<int32_t> preds = row({2, 1, {8, 1}});
  const int32_t identifier = 2;
  const double logit = 0;
  votes.update({inputs, preds, std::span(&identifier, 1), std::span(&logit, 1)});
  EXPECT_EQ(Json::parse(votes.result().submission_json)["one"].dump(), R"([{"attempt_1":[[1,9]]}])");
}

TEST_F(ArcVoteTest, LeavesOutPaddingOtherPuzzlesAndOtherInputs) {
  ArcVote votes = make();
  vote(votes, 0, {1, 2}, {5}, std::nan(""));  // padding may hold anything
  vote(votes, 4, {1, 2}, {5}, 1);
  vote(votes, 1, {9, 9}, {5}, 1);
  EXPECT_EQ(votes.result().unanswered, (std::vector<std::string>{"one", "two", "two"}));
}

TEST_F(ArcVoteTest, AnEmptyPredictionIsAVoteToo) {
  ArcVote votes = make({.submission_k = 1});
  vote(votes, 1, {1, 2}, {}, 1);
  EXPECT_EQ(Json::parse(votes.result().submission_json)["one"].dump(), R"([{"attempt_1":[]}])");
}

TEST_F(ArcVoteTest, AggregatedVotingKeepsEarlierEvaluations) {
  for (const bool aggregated : {false, true}) {
    ArcVote votes = make({.submission_k = 1, .aggregated_voting = aggregated});
    vote(votes, 1, {1, 2}, {6}, 1);
    vote(votes, 1, {1, 2}, {6}, 1);
    votes.begin_eval();
    vote(votes, 1, {1, 2}, {7}, 1);
    EXPECT_EQ(attempts(votes, "one"), std::vector<int>{aggregated ? 6 : 7});
  }
}

// 368,000 augmented inputs of a full evaluation, say: what is kept depends on how many different grids were predicted.
TEST_F(ArcVoteTest, KeepsDistinctGridsAndNotPredictions) {
  ArcVote votes = make();
  const auto vote_for = [&](int distinct, int times) {
    for (int i = 0; i < distinct * times; ++i) vote(votes, 1, {1, 2}, {static_cast<uint8_t>(i % distinct), 3}, 0);
    return votes.save().size();
  };
  const size_t three_grids = vote_for(3, 1);
  EXPECT_EQ(vote_for(3, 5000), three_grids);
  EXPECT_GT(vote_for(9, 1), three_grids);
  EXPECT_EQ(attempts(votes, "one"), (std::vector<int>{0, 1}));
}

TEST_F(ArcVoteTest, MergedRanksVoteAsOne) {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    ArcVote whole = make({.submission_k = 4});
    ArcVote first = make({.submission_k = 4});
    ArcVote second = make({.submission_k = 4});
    for (int i = 0; i < 30; ++i) {
      const auto cell = static_cast<uint8_t>(random() % 6);
      const double logit = (random() % 2 == 0) ? 0 : std::numeric_limits<double>::infinity();  // sums stay exact
      vote(whole, 1, {1, 2}, {cell}, logit);
      vote(i < 15 ? first : second, 1, {1, 2}, {cell}, logit);
    }
    ArcVote merged = make({.submission_k = 4});
    merged.merge(first.save());
    merged.merge(second.save());
    EXPECT_EQ(merged.result().submission_json, whole.result().submission_json);
    EXPECT_EQ(merged.result().scores, whole.result().scores);
    EXPECT_EQ(merged.save(), whole.save());
  }
}

TEST_F(ArcVoteTest, RefusesDamagedAndForeignVotes) {
  ArcVote votes = make();
  vote(votes, 1, {1, 2}, {6}, 1);
  const std::string saved = votes.save();
  const auto refuse = [&](const std::string& bytes) {
    ArcVote other = make();
    try {
      other.merge(bytes);
    } catch (const Error& e) {
      EXPECT_EQ(exit_code(e.kind()), 4);
      EXPECT_EQ(other.save(), make().save());
      return;
    }
    ADD_FAILURE() << "accepted";
  };
  for (size_t size = 0; size < saved.size(); ++size) refuse(saved.substr(0, size));
  refuse(saved + "x");
  std::string foreign = saved;
  foreign[foreign.find("one")] = 'x';
  refuse(foreign);
  std::string impossible = saved;
  impossible[impossible.find("one") + 3 + 4 + 3 + 4 + 4] = 31;  // rows of the candidate
  refuse(impossible);
}

TEST_F(ArcVoteTest, RefusesWhatCantBeCounted) {
  ArcVote votes = make();
  const auto error = [&](int32_t identifier, double logit) -> std::string {
    try {
      vote(votes, identifier, {1, 2}, {6}, logit);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::data);
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(error(5, 0), "puzzle identifier 5 is outside 0-4, " + (folder_ / "identifiers.json").string() +
                             ", evaluate with the dataset that the predictions were made for");
  EXPECT_NE(error(-1, 0).find("puzzle identifier -1 is outside 0-4"), std::string::npos);
  EXPECT_EQ(error(1, std::nan("")), "q_halt_logits of a prediction is NaN, puzzle one");
  EXPECT_EQ(error(4, std::nan("")), "q_halt_logits of a prediction is NaN, puzzle identifier 4");
  EXPECT_EQ(votes.result().unanswered.size(), 3U);
  EXPECT_THROW(make({.pass_ks = {1, 0}}), Error);
  EXPECT_THROW(make({.submission_k = 0}), Error);
}

TEST_F(ArcVoteTest, RefusesADatasetWithoutTestPuzzles) {
  write_file_atomically(folder_ / "test_puzzles.json", "{}");
  EXPECT_THROW((void)make(), Error);
  write_file_atomically(folder_ / "test_puzzles.json", R"({"one": {"test": []}})");
  EXPECT_THROW((void)make(), Error);
  std::filesystem::remove(folder_ / "test_puzzles.json");
  EXPECT_THROW((void)make(), Error);
}

}  // namespace
}  // namespace tern::puzzles
