// A puzzle dataset as the loader sees it, whichever container it lies in (npy folder, .h5, lazy .h5).
//
// A dataset has splits (train, test); a split has sets (usually one, "all"). A set is a list of examples (input and
// label grids as token rows of seq_len), cut into puzzles, cut into groups (a puzzle and its augmentations).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tern::puzzles {

// dataset.json of one split, with upstream's keys.
struct Metadata {
  int64_t pad_id = 0;
  std::optional<int64_t> ignore_label_id;
  int64_t blank_identifier_id = 0;
  int64_t vocab_size = 0;
  int64_t seq_len = 0;
  int64_t num_puzzle_identifiers = 0;
  int64_t total_groups = 0;
  double mean_puzzle_examples = 0;
  int64_t total_puzzles = 0;
  std::vector<std::string> sets;
};

// What the rows of a set must be: seq_len tokens in [0, vocab_size), among the labels also ignore_label_id.
struct TokenRules {
  int64_t seq_len;
  int64_t vocab_size;
  std::optional<int64_t> ignore_label_id;
};

// An example that breaks them.
struct BadExample {
  int64_t row;
  const char* part;  // "inputs" or "labels"
};

// One set of one split. Immutable and safe to read from several threads.
class PuzzleSet {
 public:
  virtual ~PuzzleSet() = default;

  [[nodiscard]] int64_t num_examples() const { return puzzle_indices.back(); }

  // Copies examples `rows` to inputs and labels, each rows.size() x seq_len, as stored (labels not yet masked).
  virtual void read_rows(std::span<const int64_t> rows, int32_t* inputs, int32_t* labels) const = 0;

  // The same for training: tokens are checked, and ignore_label_id becomes kIgnoreLabel. Returns the first example that
  // breaks the rules; the rows from there on are then not all filled.
  [[nodiscard]] virtual std::optional<BadExample> load_rows(std::span<const int64_t> rows, const TokenRules& rules,
                                                            int32_t* inputs, int32_t* labels) const;

  std::vector<int32_t> puzzle_identifiers;  // per puzzle
  std::vector<int32_t> puzzle_indices;      // puzzle p has examples [puzzle_indices[p], puzzle_indices[p + 1])
  std::vector<int32_t> group_indices;       // group g has puzzles [group_indices[g], group_indices[g + 1])
};

struct NamedSet {
  std::string name;
  std::unique_ptr<PuzzleSet> set;
};

// One split of one dataset.
struct Split {
  Metadata metadata;
  std::vector<NamedSet> sets;
};

// Opens a split of the dataset at path: a folder (npy), or an .h5 file (materialised or lazy, told apart by the file's
// own format attribute). Everything is checked once, here; a missing, truncated or inconsistent file throws
// Error(data) that names it.
[[nodiscard]] Split open_split(const std::filesystem::path& path, const std::string& split);

// dataset.json of a split, without opening its arrays. Throws as open_split does.
[[nodiscard]] Metadata read_metadata(const std::filesystem::path& path, const std::string& split);

// identifiers.json and test_puzzles.json of a dataset, as text, from any container.
[[nodiscard]] std::string read_identifiers_json(const std::filesystem::path& path);
[[nodiscard]] std::string read_test_puzzles_json(const std::filesystem::path& path);

}  // namespace tern::puzzles
