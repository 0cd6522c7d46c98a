// The merge loop of byte-pair encoding: from the bytes of one piece to its tokens.
#pragma once

#include <string_view>
#include <vector>

#include "data/text/vocabulary.h"

namespace tern::text {

// Repeatedly joins the adjacent pair with the lowest merged id, leftmost first among equals, until no pair merges
// (Sennrich et al. 2016, in tiktoken's form). Short pieces scan all pairs at every step, which is fastest for them;
// long ones keep their pairs in a heap and their tokens in a linked list: O(n log n) however long the piece is.
// One object per thread: it holds scratch memory.
class PieceMerger {
 public:
  explicit PieceMerger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Appends the tokens of the piece to ids.
  void merge(std::string_view piece, std::vector<TokenId>& ids);

 private:
  struct Part {
    TokenId id;
    uint32_t merged;  // what this part and its successor merge to, or Vocabulary::kNone
    uint32_t previous;
    uint32_t next;
  };
  struct Candidate {
    uint32_t merged;
    uint32_t part;
    // Orders a min-heap.
    bool operator<(const Candidate& other) const {
      return merged != other.merged ? merged > other.merged : part > other.part;
    }
  };

  void split_to_bytes(std::string_view piece);
  void merge_short(std::vector<TokenId>& ids);
  void merge_long(std::vector<TokenId>& ids);
  void rank_long(uint32_t part);

  const Vocabulary& vocabulary_;
  std::vector<Part> parts_;
  std::vector<Candidate> heap_;
};

}  // namespace tern::text
