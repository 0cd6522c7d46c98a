#include "data/puzzles/vote_tally.h"

#include <algorithm>
#include <utility>

namespace tern::puzzles {

void VoteTally::add(Candidate candidate) {
  const auto [found, is_new] = votes_.try_emplace(std::move(candidate.grid), Votes{votes_.size(), 0, 0.0});
  found->second.count += candidate.count;
  found->second.q_sum += candidate.q_sum;
}

std::vector<Candidate> VoteTally::candidates() const {
  std::vector<Candidate> out(votes_.size());
  for (const auto& [grid, votes] : votes_) out[votes.order] = {grid, votes.count, votes.q_sum};
  return out;
}

std::vector<Candidate> VoteTally::ranking() const {
  std::vector<Candidate> out = candidates();
  std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return a.count != b.count ? a.count > b.count : a.mean_q() > b.mean_q();
  });
  return out;
}

}  // namespace tern::puzzles
