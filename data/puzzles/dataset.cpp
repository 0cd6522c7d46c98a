#include "data/puzzles/dataset.h"

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/dataset_h5.h"
#include "data/puzzles/dataset_npy.h"
#include "data/puzzles/metadata.h"
#include "data/puzzles/token_rows.h"

namespace tern::puzzles {

namespace {

void require_dataset(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return;
  throw Error(ErrorKind::data, "no puzzle dataset here", path.string(),
              "build one with arc_build, sudoku_build or maze_build, or correct the path");
}

std::string read_text(const std::filesystem::path& path, const std::string& name) {
  if (const auto file = find_h5_dataset(path)) return read_h5_text(*file, name);
  require_dataset(path);
  return read_file(path / name);
}

}  // namespace

std::optional<BadExample> PuzzleSet::load_rows(std::span<const int64_t> rows, const TokenRules& rules, int32_t* inputs,
                                               int32_t* labels) const {
  const auto seq_len = static_cast<size_t>(rules.seq_len);
  read_rows(rows, inputs, labels);
  for (const int64_t row : rows) {
    if (!tokens_in_range(inputs, seq_len, rules.vocab_size)) return BadExample{row, "inputs"};
    if (!mask_labels(labels, seq_len, rules.ignore_label_id, rules.vocab_size)) return BadExample{row, "labels"};
    inputs += seq_len;
    labels += seq_len;
  }
  return std::nullopt;
}

Split open_split(const std::filesystem::path& path, const std::string& split) {
  if (const auto file = find_h5_dataset(path)) return open_h5_split(*file, split);
  require_dataset(path);
  return open_npy_split(path, split);
}

Metadata read_metadata(const std::filesystem::path& path, const std::string& split) {
  const std::string name = split + "/dataset.json";
  return parse_metadata(read_text(path, name), (path / name).string());
}

std::string read_identifiers_json(const std::filesystem::path& path) {
  return read_text(path, "identifiers.json");
}

std::string read_test_puzzles_json(const std::filesystem::path& path) {
  return read_text(path, "test_puzzles.json");
}

}  // namespace tern::puzzles
