#include "data/puzzles/merged_metadata.h"

#include <string>

#include "base/error.h"

namespace tern::puzzles {

namespace {

std::string text_of(int64_t value) {
  return std::to_string(value);
}

std::string text_of(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "none";
}

std::string text_of(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) text += (text.size() > 1 ? ", " : "") + name;
  return text + "]";
}

// Compares one dataset with the first.
struct Comparison {
  const std::filesystem::path& first;
  const std::filesystem::path& other;

  template <class T>
  void require_equal(const char* key, const T& a, const T& b) const {
    if (a == b) return;
    throw Error(ErrorKind::data,
                std::string("datasets differ in ") + key + " (" + text_of(a) + " and " + text_of(b) + ")",
                first.string() + " and " + other.string(), "load only datasets that were built alike");
  }
};

}  // namespace

Metadata merge_metadata(const std::vector<Metadata>& all, const std::vector<std::filesystem::path>& paths) {
  TERN_CHECK(!all.empty() && all.size() == paths.size(), "one path per dataset");
  const Metadata& first = all.front();
  Metadata merged = first;
  merged.num_puzzle_identifiers = merged.total_groups = merged.total_puzzles = 0;
  double examples = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Metadata& other = all[i];
    const Comparison compare{paths.front(), paths[i]};
    compare.require_equal("seq_len", first.seq_len, other.seq_len);
    compare.require_equal("vocab_size", first.vocab_size, other.vocab_size);
    compare.require_equal("pad_id", first.pad_id, other.pad_id);
    compare.require_equal("ignore_label_id", first.ignore_label_id, other.ignore_label_id);
    compare.require_equal("blank_identifier_id", first.blank_identifier_id, other.blank_identifier_id);
    compare.require_equal("sets", first.sets, other.sets);
    compare.require_equal("num_puzzle_identifiers", first.num_puzzle_identifiers, other.num_puzzle_identifiers);
    examples += other.mean_puzzle_examples * static_cast<double>(other.total_puzzles);
    merged.num_puzzle_identifiers += other.num_puzzle_identifiers;
    merged.total_groups += other.total_groups;
    merged.total_puzzles += other.total_puzzles;
  }
  merged.mean_puzzle_examples = merged.total_puzzles == 0 ? 0 : examples / static_cast<double>(merged.total_puzzles);
  return merged;
}

}  // namespace tern::puzzles
