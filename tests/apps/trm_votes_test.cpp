// The votes of a run: what evaluations that are cut short or fail leave behind, and what a checkpoint brings back.
#include "apps/trm_votes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/grid.h"
#include "tests/support/temp_folder.h"

namespace tern::test {
namespace {

namespace fs = std::filesystem;
using Warnings = std::vector<std::string>;

class TrmVotesTest : public testing::Test {
 protected:
  TrmVotesTest() { write_dataset("a", "one"); }

  void write_dataset(const std::string& name, const std::string& puzzle) const {
    fs::create_directories(folder_ / name);
    write_file_atomically(folder_ / name / "identifiers.json", R"(["<blank>", ")" + puzzle + R"("])");
    write_file_atomically(folder_ / name / "test_puzzles.json",
                          R"({")" + puzzle + R"(": {"test": [{"input": [[1]], "output": [[2]]}]}})");
  }

  [[nodiscard]] TrmVotes make(const std::vector<std::string>& datasets = {"a"}, bool aggregated = true,
                              OnFailure on_failure = OnFailure::warn) const {
    std::vector<fs::path> paths;
    for (const std::string& name : datasets) paths.push_back(folder_ / name);
    return {
        {{.name = "arc@ARC", .submission_K = 1, .pass_Ks = {1}, .aggregated_voting = aggregated}}, paths, on_failure};
  }

  // One vote for the answer [[colour]] of puzzle `identifier`.
  static void vote(TrmVotes& votes, int32_t colour, Warnings& warnings, size_t dataset = 0, int32_t identifier = 1) {
    std::vector<int32_t> input(puzzles::kArcSeqLen, 0);
    std::vector<int32_t> pred(puzzles::kArcSeqLen, 0);
    input[0] = puzzles::kFirstColourToken + 1;
    pred[0] = puzzles::kFirstColourToken + colour;
    const double logit = 0;
    votes.update(dataset, {input, pred, std::span(&identifier, 1), std::span(&logit, 1)}, warnings);
  }

  // A whole evaluation with votes for these answers; the winner's colour, or -1 where the evaluator was left out.
  int evaluate(TrmVotes& votes, const std::vector<int>& colours, Warnings& warnings) const {
    votes.begin(0, warnings);
    for (const int colour : colours) vote(votes, colour, warnings);
    NamedValues metrics;
    votes.finish([&](const std::string& name) { return folder_ / ("out_" + name); }, metrics, warnings);
    if (metrics.empty()) return -1;
    const std::string text = read_file(folder_ / "out_ARC" / "submission.json");
    return text[text.find("[[") + 2] - '0';
  }

  static std::string bytes(const TensorList& saved) {
    std::string all;
    for (const auto& [name, tensor] : saved) {
      all += name;
      all.append(reinterpret_cast<const char*>(tensor.const_data_ptr<uint8_t>()), static_cast<size_t>(tensor.numel()));
    }
    return all;
  }

  TempFolder folder_;
};

TEST_F(TrmVotesTest, CancelledEvaluationLeavesNoTrace) {
  TrmVotes votes = make();
  Warnings warnings;
  votes.cancel();  // nothing was begun
  EXPECT_EQ(evaluate(votes, {3, 3}, warnings), 3);
  const std::string before = bytes(votes.save());
  votes.begin(0, warnings);
  for (int i = 0; i < 5; ++i) vote(votes, 7, warnings);
  votes.cancel();
  EXPECT_EQ(bytes(votes.save()), before);
  EXPECT_EQ(evaluate(votes, {7}, warnings), 3) << "two votes against one";
  EXPECT_TRUE(warnings.empty());
}

TEST_F(TrmVotesTest, SavedVotesComeBackBeforeAndAfterOpening) {
  TrmVotes first = make();
  Warnings warnings;
  evaluate(first, {4, 4}, warnings);
  TrmVotes fresh = make();
  fresh.restore(first.save());
  EXPECT_EQ(bytes(fresh.save()), bytes(first.save())) << "not opened yet: handed on as they came";
  EXPECT_EQ(evaluate(fresh, {5}, warnings), 4);
  fresh.restore(first.save());  // a rollback
  EXPECT_EQ(bytes(fresh.save()), bytes(first.save()));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(TrmVotesTest, WithoutAggregatedVotingNothingIsSaved) {
  TrmVotes votes = make({"a"}, false);
  Warnings warnings;
  EXPECT_EQ(evaluate(votes, {4, 4}, warnings), 4);
  EXPECT_TRUE(votes.save().empty());
  EXPECT_EQ(evaluate(votes, {5}, warnings), 5);
}

TEST_F(TrmVotesTest, VotesOnOtherPuzzlesAreDroppedWithAWarning) {
  TrmVotes first = make();
  Warnings warnings;
  evaluate(first, {4, 4}, warnings);
  write_dataset("a", "another");
  TrmVotes votes = make();
  votes.restore(first.save());
  EXPECT_EQ(evaluate(votes, {5}, warnings), 5);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("evaluator ARC starts to count anew, saved votes belong to other test puzzles"),
            std::string::npos)
      << warnings[0];
}

TEST_F(TrmVotesTest, OneThatFailsIsTakenBackAndTheOtherGoesOn) {
  write_dataset("b", "two");
  TrmVotes votes = make({"a", "b"});
  Warnings warnings;
  evaluate(votes, {4}, warnings);
  warnings.clear();
  const std::string before = bytes({votes.save()[0]});
  votes.begin(0, warnings);
  vote(votes, 6, warnings, 0);
  vote(votes, 6, warnings, 0, /*identifier=*/9);  // no such puzzle
  vote(votes, 6, warnings, 0);                    // it sits this evaluation out
  vote(votes, 8, warnings, 1);
  NamedValues metrics;
  votes.finish([&](const std::string& name) { return folder_ / ("out_" + name); }, metrics, warnings);
  EXPECT_EQ(metrics, (NamedValues{{"ARC1/pass@1", 0.0}}));
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("evaluator ARC (arc@ARC) is left out, puzzle identifier 9 is outside 0-1"),
            std::string::npos)
      << warnings[0];
  EXPECT_EQ(bytes({votes.save()[0]}), before);
  warnings.clear();
  EXPECT_EQ(evaluate(votes, {5, 5}, warnings), 5) << "the next evaluation tries again";
}

TEST_F(TrmVotesTest, RaisesWhereAFailureIsToBeRaised) {
  TrmVotes votes = make({"missing"}, true, OnFailure::raise);
  Warnings warnings;
  EXPECT_THROW(votes.begin(0, warnings), Error);
}

TEST_F(TrmVotesTest, InputsNobodyVotedOnAreCounted) {
  TrmVotes votes = make();
  Warnings warnings;
  evaluate(votes, {}, warnings);
  EXPECT_EQ(warnings, (Warnings{"1 test inputs have no predictions: one"}));
}

}  // namespace
}  // namespace tern::test
