#include "data/text/bpe_trainer.h"

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "data/text/pair_map.h"

namespace tern::text {

namespace {

// A different piece of the text: its tokens lie in one long array and shrink in place.
struct Word {
  size_t begin;
  size_t length;
  int64_t count;
};

// Words may name words that have lost the pair since; a scan of such a word changes nothing.
struct Pair {
  int64_t count = 0;
  std::vector<uint32_t> words;
};

struct Candidate {
  int64_t count;
  PairKey key;
  // Orders a max-heap: higher count, then smaller pair.
  bool operator<(const Candidate& other) const { return count != other.count ? count < other.count : key > other.key; }
};

class Trainer {
 public:
  explicit Trainer(const PieceCounts& pieces);

  // The most frequent pair, or nothing if none is left. Counts only fall once a pair exists (a pair with a new token
  // gets all its occurrences in the merge that made the token), so a stale candidate is put back with its real count.
  bool pop_best(PairKey& best);
  // Replaces the pair by the token `merged` wherever it stands.
  void apply(PairKey pair, uint32_t merged);

 private:
  Pair& pair_of(PairKey key);
  void occurs(PairKey key, uint32_t word);
  void merge_in_word(uint32_t index, PairKey pair, uint32_t merged);

  std::vector<uint32_t> tokens_;
  std::vector<Word> words_;
  std::vector<Pair> pairs_;
  PairMap<uint32_t> index_of_pair_;  // into pairs_, plus 1; 0: new
  std::vector<PairKey> new_pairs_;   // pairs that the current merge made
  std::vector<Candidate> heap_;
};

Trainer::Trainer(const PieceCounts& pieces) {
  pieces.for_each([&](std::string_view piece, int64_t count) {
    if (piece.size() < 2) return;
    words_.push_back({tokens_.size(), piece.size(), count});
    for (const char byte : piece) tokens_.push_back(static_cast<uint8_t>(byte));
  });
  TERN_CHECK(words_.size() < UINT32_MAX, "more different pieces than the trainer can number");
  for (uint32_t index = 0; index < words_.size(); ++index) {
    const Word& word = words_[index];
    for (size_t i = word.begin; i + 1 < word.begin + word.length; ++i) {
      occurs(pair_key(tokens_[i], tokens_[i + 1]), index);
    }
  }
  for (const PairKey key : new_pairs_) heap_.push_back({pair_of(key).count, key});
  std::make_heap(heap_.begin(), heap_.end());
}

Pair& Trainer::pair_of(PairKey key) {
  uint32_t& index = index_of_pair_[key];
  if (index == 0) {
    pairs_.emplace_back();
    new_pairs_.push_back(key);
    index = static_cast<uint32_t>(pairs_.size());
  }
  return pairs_[index - 1];
}

void Trainer::occurs(PairKey key, uint32_t word) {
  Pair& pair = pair_of(key);
  pair.count += words_[word].count;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
}

bool Trainer::pop_best(PairKey& best) {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Candidate top = heap_.back();
    heap_.pop_back();
    const int64_t count = pair_of(top.key).count;
    if (count == top.count) {
      best = top.key;
      return true;
    }
    if (count > 0) {
      heap_.push_back({count, top.key});
      std::push_heap(heap_.begin(), heap_.end());
    }
  }
  return false;
}

void Trainer::merge_in_word(uint32_t index, PairKey pair, uint32_t merged) {
  const uint32_t left = left_of(pair);
  const uint32_t right = right_of(pair);
  Word& word = words_[index];
  uint32_t* const tokens = tokens_.data() + word.begin;
  size_t kept = 0;
  for (size_t i = 0; i < word.length;) {
    if (i + 1 == word.length || tokens[i] != left || tokens[i + 1] != right) {
      tokens[kept++] = tokens[i++];
      continue;
    }
    pair_of(pair).count -= word.count;
    if (kept > 0) {
      pair_of(pair_key(tokens[kept - 1], left)).count -= word.count;
      occurs(pair_key(tokens[kept - 1], merged), index);
    }
    if (i + 2 < word.length) {
      pair_of(pair_key(right, tokens[i + 2])).count -= word.count;
      occurs(pair_key(merged, tokens[i + 2]), index);
    }
    tokens[kept++] = merged;
    i += 2;
  }
  word.length = kept;
}

void Trainer::apply(PairKey pair, uint32_t merged) {
  new_pairs_.clear();
  const std::vector<uint32_t> words = std::move(pair_of(pair).words);
  for (const uint32_t word : words) merge_in_word(word, pair, merged);
  for (const PairKey key : new_pairs_) {
    const int64_t count = pair_of(key).count;
    if (count == 0) continue;
    heap_.push_back({count, key});
    std::push_heap(heap_.begin(), heap_.end());
  }
}

}  // namespace

std::vector<std::string> train_bpe(const PieceCounts& pieces, size_t ranks,
                                   const std::function<void(size_t)>& progress) {
  TERN_CHECK(ranks >= 256, "a byte-pair vocabulary holds at least the 256 bytes");
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  Trainer trainer(pieces);
  PairKey best = 0;
  while (tokens.size() < ranks && trainer.pop_best(best)) {
    trainer.apply(best, static_cast<uint32_t>(tokens.size()));
    tokens.push_back(tokens[left_of(best)] + tokens[right_of(best)]);
    if (progress) progress(tokens.size() - 256);
  }
  return tokens;
}

}  // namespace tern::text
