#include "data/puzzles/arc_vote.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/puzzles/arc_json.h"
#include "data/puzzles/crop.h"
#include "data/puzzles/dataset.h"
#include "data/puzzles/packed_grid.h"
#include "data/puzzles/python_json.h"

namespace tern::puzzles {

namespace {

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

std::string grid_json(const Grid& grid) {
  std::string text = "[";
  for (int r = 0; r < grid.rows; ++r) {
    text += r == 0 ? "[" : ", [";
    for (int c = 0; c < grid.cols; ++c) {
      if (c > 0) text += ", ";
      text += static_cast<char>('0' + grid.cells[static_cast<size_t>(r * grid.cols + c)]);
    }
    text += "]";
  }
  return text + "]";
}

}  // namespace

ArcVote::ArcVote(const std::filesystem::path& dataset, int64_t blank_identifier_id, ArcVoteOptions options)
    : options_(std::move(options)), blank_identifier_id_(blank_identifier_id) {
  const auto require_positive = [](const char* key, int64_t value) {
    if (value < 1) {
      throw Error(ErrorKind::usage, std::string(key) + " holds " + std::to_string(value), "", "give 1 or more");
    }
  };
  for (const int64_t k : options_.pass_ks) require_positive("pass_Ks", k);
  require_positive("submission_K", options_.submission_k);
  read_test_puzzles(dataset);
  read_identifiers(dataset);
}

void ArcVote::read_test_puzzles(const std::filesystem::path& dataset) {
  const std::string file = (dataset / "test_puzzles.json").string();
  const std::string text = read_test_puzzles_json(dataset);
  for (const ArcPuzzle& source : parse_arc_subset({text, file}, std::nullopt).puzzles) {
    Puzzle puzzle{source.name, {}};
    const size_t first_tally = tallies_.size();
    for (const ArcPart& part : source.parts) {
      if (!part.is_test) continue;
      for (const Pair& pair : part.pairs) {
        TestInput test{pack(pair.input), pack(pair.output), tallies_.size()};
        const auto same = std::find_if(puzzle.tests.begin(), puzzle.tests.end(),
                                       [&](const TestInput& earlier) { return earlier.input == test.input; });
        if (same == puzzle.tests.end()) {
          tallies_.emplace_back();
        } else {
          test.tally = same->tally;
        }
        puzzle.tests.push_back(std::move(test));
      }
    }
    if (tallies_.size() == first_tally) {
      throw Error(ErrorKind::data, "no test pairs", file + ", puzzle " + source.name, "build the dataset again");
    }
    puzzles_.push_back(std::move(puzzle));
  }
  if (puzzles_.empty()) {
    throw Error(ErrorKind::data, "no test puzzles", file, "build the dataset with --test-set-name");
  }
}

void ArcVote::read_identifiers(const std::filesystem::path& dataset) {
  identifiers_file_ = (dataset / "identifiers.json").string();
  std::unordered_map<std::string, int32_t> index;
  for (size_t i = 0; i < puzzles_.size(); ++i) index.emplace(puzzles_[i].name, static_cast<int32_t>(i));
  identities_ = parse_arc_identifiers(read_identifiers_json(dataset), identifiers_file_, index);
}

void ArcVote::begin_eval() {
  if (!options_.aggregated_voting) clear();
}

void ArcVote::clear() {
  for (VoteTally& tally : tallies_) tally.clear();
}

std::string ArcVote::puzzle_name(int32_t identifier) const {
  if (identifier < 0 || static_cast<size_t>(identifier) >= identities_.size()) return "";
  const int32_t puzzle = identities_[static_cast<size_t>(identifier)].puzzle;
  return puzzle < 0 ? "" : puzzles_[static_cast<size_t>(puzzle)].name;
}

void ArcVote::check(const ArcPredictions& predictions) const {
  const size_t rows = predictions.puzzle_identifiers.size();
  TERN_CHECK(predictions.inputs.size() == rows * kArcSeqLen && predictions.preds.size() == rows * kArcSeqLen &&
                 predictions.q_halt_logits.size() == rows,
             "parts of a prediction differ in length");
  for (size_t i = 0; i < rows; ++i) {
    const int32_t identifier = predictions.puzzle_identifiers[i];
    if (identifier == blank_identifier_id_) continue;
    if (identifier < 0 || static_cast<size_t>(identifier) >= identities_.size()) {
      throw Error(
          ErrorKind::data,
          "puzzle identifier " + std::to_string(identifier) + " is outside 0-" + std::to_string(identities_.size() - 1),
          identifiers_file_, "evaluate with the dataset that the predictions were made for");
    }
    if (std::isnan(predictions.q_halt_logits[i])) {
      const int32_t puzzle = identities_[static_cast<size_t>(identifier)].puzzle;
      throw Error(ErrorKind::data, "q_halt_logits of a prediction is NaN",
                  puzzle < 0 ? "puzzle identifier " + std::to_string(identifier)
                             : "puzzle " + puzzles_[static_cast<size_t>(puzzle)].name);
    }
  }
}

void ArcVote::update(const ArcPredictions& predictions) {
  check(predictions);
  for (size_t i = 0; i < predictions.puzzle_identifiers.size(); ++i) {
    const int32_t identifier = predictions.puzzle_identifiers[i];
    if (identifier == blank_identifier_id_) continue;
    const ArcIdentity& identity = identities_[static_cast<size_t>(identifier)];
    if (identity.puzzle < 0) continue;
    const auto grid_of = [&](std::span<const int32_t> rows) {
      return pack(undo(identity.augmentation, crop(rows.subspan(i * kArcSeqLen, kArcSeqLen))));
    };
    const auto& tests = puzzles_[static_cast<size_t>(identity.puzzle)].tests;
    const std::string input = grid_of(predictions.inputs);
    const auto test = std::find_if(tests.begin(), tests.end(), [&](const TestInput& t) { return t.input == input; });
    if (test == tests.end()) continue;
    tallies_[test->tally].add(grid_of(predictions.preds), sigmoid(predictions.q_halt_logits[i]));
  }
}

std::string ArcVote::attempts_json(const std::vector<Candidate>& ranking) const {
  std::string text = "{";
  for (size_t attempt = 0; attempt < static_cast<size_t>(options_.submission_k); ++attempt) {
    const Candidate& candidate = ranking[attempt < ranking.size() ? attempt : 0];  // the winner fills up
    if (attempt > 0) text += ", ";
    text += "\"attempt_" + std::to_string(attempt + 1) + "\": " + grid_json(unpack(candidate.grid));
  }
  return text + "}";
}

ArcScores ArcVote::result() const {
  ArcScores out;
  std::vector<double> solved(options_.pass_ks.size(), 0.0);
  out.submission_json = "{";
  for (const Puzzle& puzzle : puzzles_) {
    std::vector<int64_t> correct(options_.pass_ks.size(), 0);
    std::string answers;
    for (const TestInput& test : puzzle.tests) {
      const std::vector<Candidate> ranking = tallies_[test.tally].ranking();
      if (ranking.empty()) {
        out.unanswered.push_back(puzzle.name);
        continue;
      }
      const auto hit =
          std::find_if(ranking.begin(), ranking.end(), [&](const auto& c) { return c.grid == test.output; });
      const int64_t rank = hit - ranking.begin();
      for (size_t i = 0; i < correct.size(); ++i) {
        if (hit != ranking.end() && rank < options_.pass_ks[i]) ++correct[i];
      }
      answers += (answers.empty() ? "" : ", ") + attempts_json(ranking);
    }
    // Added up puzzle by puzzle, as upstream does, so that the last digit is the same too.
    for (size_t i = 0; i < solved.size(); ++i) {
      solved[i] += static_cast<double>(correct[i]) / static_cast<double>(puzzle.tests.size());
    }
    if (out.submission_json.size() > 1) out.submission_json += ", ";
    out.submission_json += quote_python_json(puzzle.name) + ": [" + answers + "]";
  }
  out.submission_json += "}";
  for (size_t i = 0; i < solved.size(); ++i) {
    out.scores.emplace_back("ARC/pass@" + std::to_string(options_.pass_ks[i]),
                            solved[i] / static_cast<double>(puzzles_.size()));
  }
  return out;
}

}  // namespace tern::puzzles
