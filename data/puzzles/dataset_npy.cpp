#include "data/puzzles/dataset_npy.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/npy.h"
#include "data/puzzles/dataset_check.h"
#include "data/puzzles/metadata.h"
#include "data/puzzles/token_bytes.h"
#include "data/puzzles/token_rows.h"

namespace tern::puzzles {

namespace {

const std::string kFix = "build the dataset again";

class NpySet : public PuzzleSet {
 public:
  NpySet(NpyArray inputs, NpyArray labels) : inputs_(std::move(inputs)), labels_(std::move(labels)) {}

  void read_rows(std::span<const int64_t> rows, int32_t* inputs, int32_t* labels) const override {
    copy_rows(inputs_, rows, inputs);
    copy_rows(labels_, rows, labels);
  }

  std::optional<BadExample> load_rows(std::span<const int64_t> rows, const TokenRules& rules, int32_t* inputs,
                                      int32_t* labels) const override {
    constexpr NpyType kByte{'u', 1};
    if (inputs_.type != kByte || labels_.type != kByte) return PuzzleSet::load_rows(rows, rules, inputs, labels);
    const auto seq_len = static_cast<size_t>(rules.seq_len);
    for (const int64_t row : rows) {
      if (!load_input_bytes(bytes_of(inputs_, row), seq_len, rules.vocab_size, inputs)) {
        return BadExample{row, "inputs"};
      }
      if (!load_label_bytes(bytes_of(labels_, row), seq_len, rules.vocab_size, rules.ignore_label_id, labels)) {
        return BadExample{row, "labels"};
      }
      inputs += seq_len;
      labels += seq_len;
    }
    return std::nullopt;
  }

 private:
  static const std::byte* row_of(const NpyArray& array, int64_t row) {
    return array.data.data() + row * array.shape[1] * array.type.size;
  }

  static const uint8_t* bytes_of(const NpyArray& array, int64_t row) {
    return reinterpret_cast<const uint8_t*>(row_of(array, row));
  }

  static void copy_rows(const NpyArray& array, std::span<const int64_t> rows, int32_t* out) {
    const auto seq_len = static_cast<size_t>(array.shape[1]);
    for (const int64_t row : rows) {
      widen_tokens(row_of(array, row), array.type, seq_len, out);
      out += seq_len;
    }
  }

  NpyArray inputs_;
  NpyArray labels_;
};

NpyArray open_tokens(const std::filesystem::path& path, int64_t seq_len) {
  NpyArray array = open_npy(path);
  if (array.type.kind != 'i' && array.type.kind != 'u') {
    throw Error(ErrorKind::data, "tokens have element type '" + array.type.descr() + "' instead of an integer type",
                path.string(), kFix);
  }
  if (array.shape.size() != 2 || array.shape[1] != seq_len) {
    throw Error(ErrorKind::data, "tokens are not rows of seq_len " + std::to_string(seq_len), path.string(), kFix);
  }
  return array;
}

std::vector<int32_t> open_index(const std::filesystem::path& path) {
  const NpyArray array = open_npy(path);
  if (array.shape.size() != 1) throw Error(ErrorKind::data, "array is not one-dimensional", path.string(), kFix);
  std::vector<int32_t> out;
  out.reserve(static_cast<size_t>(array.count()));
  for (const int64_t value : array.to_int64()) {
    if (!std::in_range<int32_t>(value)) {
      throw Error(ErrorKind::data, "value " + std::to_string(value) + " is outside int32", path.string(), kFix);
    }
    out.push_back(static_cast<int32_t>(value));
  }
  return out;
}

std::unique_ptr<PuzzleSet> open_set(const std::filesystem::path& folder, const std::string& name,
                                    const Metadata& metadata) {
  const auto file = [&](const char* array) { return folder / (name + "__" + array + ".npy"); };
  NpyArray inputs = open_tokens(file("inputs"), metadata.seq_len);
  NpyArray labels = open_tokens(file("labels"), metadata.seq_len);
  const int64_t num_examples = inputs.shape[0];
  if (labels.shape[0] != num_examples) {
    throw Error(ErrorKind::data,
                std::to_string(labels.shape[0]) + " rows of labels for " + std::to_string(num_examples) + " of inputs",
                labels.name, kFix);
  }
  auto set = std::make_unique<NpySet>(std::move(inputs), std::move(labels));
  set->puzzle_identifiers = open_index(file("puzzle_identifiers"));
  set->puzzle_indices = open_index(file("puzzle_indices"));
  set->group_indices = open_index(file("group_indices"));
  check_index_arrays(*set, num_examples, metadata, (folder / (name + "__*.npy")).string());
  return set;
}

}  // namespace

Split open_npy_split(const std::filesystem::path& folder, const std::string& split_name) {
  const std::filesystem::path split_folder = folder / split_name;
  const std::filesystem::path metadata_file = split_folder / "dataset.json";
  Split split;
  split.metadata = parse_metadata(read_file(metadata_file), metadata_file.string());
  for (const std::string& name : split.metadata.sets) {
    split.sets.push_back({name, open_set(split_folder, name, split.metadata)});
  }
  return split;
}

}  // namespace tern::puzzles
