// ARC evaluation: the predictions for all augmentations of a test input vote for its output (upstream: evaluators/
// arc.py). A vote keeps each distinct predicted grid once, with its number of votes, and nothing of the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/puzzles/arc_identifiers.h"
#include "data/puzzles/vote_tally.h"

namespace tern::puzzles {

struct ArcVoteOptions {
  std::vector<int64_t> pass_ks = {1, 2, 5, 10, 100, 1000};
  int64_t submission_k = 2;       // attempts per test input in submission.json
  bool aggregated_voting = true;  // the votes of earlier evaluations count too
};

struct ArcScores {
  std::vector<std::pair<std::string, double>> scores;  // "ARC/pass@1" -> share of test puzzles solved, in order of K
  std::string submission_json;                         // as Python's json.dump writes it
  std::vector<std::string> unanswered;                 // puzzles with a test input that nobody voted on, once per input
};

// What a model said about a batch: rows of kArcSeqLen tokens, one identifier and one logit per row.
struct ArcPredictions {
  std::span<const int32_t> inputs;
  std::span<const int32_t> preds;
  std::span<const int32_t> puzzle_identifiers;
  std::span<const double> q_halt_logits;
};

// Not thread-safe; every rank has its own, and one of them merges the others.
class ArcVote {
 public:
  // Reads test_puzzles.json and identifiers.json of a dataset. Throws Error(usage) for a K below 1 and Error(data)
  // naming the file for bad data.
  ArcVote(const std::filesystem::path& dataset, int64_t blank_identifier_id, ArcVoteOptions options = {});

  // Forgets earlier votes unless aggregated_voting is on.
  void begin_eval();

  // Crops each prediction, undoes its augmentation and counts it with weight q = sigmoid(logit) in float64. Rows with
  // the blank identifier (padding), of puzzles that aren't tested, or whose input isn't a test input (upstream keeps
  // but never reads those) are left out. Throws Error(data), before any row is counted, for an identifier that the
  // dataset doesn't have and for a logit that is NaN.
  void update(const ArcPredictions& predictions);

  // Scores and submission. Candidates are ordered by votes, then mean q, then who came first.
  [[nodiscard]] ArcScores result() const;

  // All votes as bytes, for a checkpoint or for the rank that merges; compact: a few hundred bytes a distinct grid.
  [[nodiscard]] std::string save() const;

  // Adds saved votes after the own ones: merge ranks in ascending order to vote as upstream does. Throws
  // Error(checkpoint), and changes nothing, when they are damaged or belong to other test puzzles.
  void merge(std::string_view saved);

  // Forgets all votes.
  void clear();

  // Name of the test puzzle that an identifier belongs to; empty for any other identifier.
  [[nodiscard]] std::string puzzle_name(int32_t identifier) const;

 private:
  struct TestInput {
    std::string input;   // packed
    std::string output;  // packed
    size_t tally = 0;    // equal inputs of one puzzle share one
  };
  struct Puzzle {
    std::string name;
    std::vector<TestInput> tests;
  };

  void read_test_puzzles(const std::filesystem::path& dataset);
  void read_identifiers(const std::filesystem::path& dataset);
  void check(const ArcPredictions& predictions) const;
  [[nodiscard]] std::string attempts_json(const std::vector<Candidate>& ranking) const;

  ArcVoteOptions options_;
  int64_t blank_identifier_id_;
  std::string identifiers_file_;  // for messages
  std::vector<Puzzle> puzzles_;
  std::vector<ArcIdentity> identities_;
  std::vector<VoteTally> tallies_;
};

}  // namespace tern::puzzles
