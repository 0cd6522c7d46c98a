// The votes on one test input.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tern::puzzles {

// A predicted grid (packed) and its standing.
struct Candidate {
  std::string grid;
  int64_t count = 0;
  double q_sum = 0;

  [[nodiscard]] double mean_q() const { return q_sum / static_cast<double>(count); }
};

class VoteTally {
 public:
  void add(std::string grid, double q) { add({std::move(grid), 1, q}); }

  // Adds all votes of a candidate.
  void add(Candidate candidate);

  [[nodiscard]] bool empty() const { return votes_.empty(); }
  void clear() { votes_.clear(); }

  // In the order in which each grid got its first vote.
  [[nodiscard]] std::vector<Candidate> candidates() const;

  // Most votes first, then highest mean q, then first come (Python's sorted(..., key=[count, mean], reverse=True)).
  [[nodiscard]] std::vector<Candidate> ranking() const;

 private:
  struct Votes {
    size_t order = 0;  // how many grids came before
    int64_t count = 0;
    double q_sum = 0;  // summed in order of arrival, as upstream sums
  };
  std::unordered_map<std::string, Votes> votes_;
};

}  // namespace tern::puzzles
