#include "data/puzzles/dataset_h5.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "data/puzzles/augmented_set.h"
#include "data/puzzles/dataset_check.h"
#include "data/puzzles/h5_file.h"
#include "data/puzzles/h5_layout.h"
#include "data/puzzles/metadata.h"

namespace tern::puzzles {

namespace {

// Rows stored as deflated chunks.
class ChunkedSet : public PuzzleSet {
 public:
  ChunkedSet(H5Array inputs, H5Array labels) : inputs_(std::move(inputs)), labels_(std::move(labels)) {}

  [[nodiscard]] int64_t num_rows() const { return inputs_.rows(); }

  void read_rows(std::span<const int64_t> rows, int32_t* inputs, int32_t* labels) const override {
    // In storage order, so that each chunk is inflated once however the rows are mixed.
    std::vector<size_t> order(rows.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rows[a] < rows[b]; });
    copy_rows(inputs_, rows, order, inputs);
    copy_rows(labels_, rows, order, labels);
  }

 private:
  static void copy_rows(const H5Array& array, std::span<const int64_t> rows, const std::vector<size_t>& order,
                        int32_t* out) {
    const int64_t seq_len = array.row_bytes();
    std::vector<uint8_t> chunk_rows(static_cast<size_t>(array.chunk_rows() * seq_len));
    int64_t loaded = -1;
    for (const size_t i : order) {
      const int64_t chunk = rows[i] / array.chunk_rows();
      if (chunk != loaded) array.read_chunk(chunk, std::as_writable_bytes(std::span(chunk_rows)));
      loaded = chunk;
      const int64_t row_in_chunk = rows[i] % array.chunk_rows();
      std::copy_n(chunk_rows.data() + row_in_chunk * seq_len, seq_len, out + static_cast<int64_t>(i) * seq_len);
    }
  }

  H5Array inputs_;
  H5Array labels_;
};

// One set of one split in an open file.
class SetReader {
 public:
  SetReader(const H5File& file, std::string prefix, std::string where, const Metadata& metadata)
      : file_(file), prefix_(std::move(prefix)), where_(std::move(where)), metadata_(metadata) {}

  std::unique_ptr<PuzzleSet> read_chunked() const {
    H5Array inputs = file_.open_array(prefix_ + "inputs");
    H5Array labels = file_.open_array(prefix_ + "labels");
    inputs.require(H5Type::uint8, {-1, metadata_.seq_len});
    labels.require(H5Type::uint8, {inputs.rows(), metadata_.seq_len});
    auto set = std::make_unique<ChunkedSet>(std::move(inputs), std::move(labels));
    read_indices(*set, set->num_rows());
    return set;
  }

  std::unique_ptr<PuzzleSet> read_lazy() const {
    if (metadata_.seq_len != kArcSeqLen || metadata_.vocab_size != kArcVocabSize) {
      throw Error(ErrorKind::data, "lazy datasets hold ARC grids only (seq_len 900, vocab_size 12)", where_);
    }
    auto set = std::make_unique<AugmentedSet>();
    set->group_pairs = read_array<int32_t>("group_pairs", {-1});
    read_base_pairs(*set);
    for (const auto& row : read_records<1 + kNumColours>("augmentations")) {
      Augmentation& out = set->augmentations.emplace_back();
      out.transform = row[0];
      std::copy(row.begin() + 1, row.end(), out.colours.begin());
    }
    for (const auto& [row, col] : read_records<2>("offsets")) set->offsets.push_back({row, col});
    read_indices(*set, std::ssize(set->offsets));
    check_augmented_set(*set, where_);
    return set;
  }

 private:
  void read_indices(PuzzleSet& set, int64_t num_examples) const {
    set.puzzle_identifiers = read_array<int32_t>("puzzle_identifiers", {-1});
    set.puzzle_indices = read_array<int32_t>("puzzle_indices", {-1});
    set.group_indices = read_array<int32_t>("group_indices", {-1});
    check_index_arrays(set, num_examples, metadata_, where_);
  }

  template <typename T>
  std::vector<T> read_array(const std::string& name, const std::vector<int64_t>& shape) const {
    const H5Array array = file_.open_array(prefix_ + name);
    array.require(h5_type_of<T>, shape);
    return array.read_all<T>();
  }

  // A uint8 array of any number of rows of Width.
  template <size_t Width>
  std::vector<std::array<uint8_t, Width>> read_records(const std::string& name) const {
    const std::vector<uint8_t> bytes = read_array<uint8_t>(name, {-1, int64_t{Width}});
    std::vector<std::array<uint8_t, Width>> records(bytes.size() / Width);
    for (size_t i = 0; i < records.size(); ++i) std::copy_n(bytes.data() + i * Width, Width, records[i].begin());
    return records;
  }

  void read_base_pairs(AugmentedSet& set) const {
    const std::vector<uint8_t> cells = read_array<uint8_t>("cells", {-1});
    std::span<const uint8_t> rest = cells;
    const auto take_grid = [&](uint8_t rows, uint8_t cols) {
      const size_t size = size_t{rows} * cols;
      if (size > rest.size()) throw Error(ErrorKind::data, "cells end before the last base grid", where_);
      Grid grid{rows, cols, {rest.begin(), rest.begin() + static_cast<int64_t>(size)}};
      rest = rest.subspan(size);
      return grid;
    };
    for (const auto& shape : read_records<4>("pair_shapes")) {
      Pair& pair = set.base_pairs.emplace_back();
      pair.input = take_grid(shape[0], shape[1]);
      pair.output = take_grid(shape[2], shape[3]);
    }
    if (!rest.empty()) throw Error(ErrorKind::data, "cells go on after the last base grid", where_);
  }

  const H5File& file_;
  std::string prefix_;
  std::string where_;
  const Metadata& metadata_;
};

std::string read_text(const H5File& file, const std::string& name) {
  const H5Array array = file.open_array(name);
  array.require(H5Type::uint8, {-1});
  const std::vector<uint8_t> bytes = array.read_all<uint8_t>();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::optional<std::filesystem::path> find_h5_dataset(const std::filesystem::path& path) {
  for (const std::filesystem::path& candidate : {path, path / "dataset.h5"}) {
    if (std::filesystem::is_regular_file(candidate)) return candidate;
  }
  return std::nullopt;
}

Split open_h5_split(const std::filesystem::path& path, const std::string& split_name) {
  const H5File file = H5File::open(path);
  const std::string format = file.read_text_attribute("format");
  if (format != h5_layout::kMaterialised && format != h5_layout::kLazy) {
    throw Error(ErrorKind::data, "format \"" + format + "\" is not a puzzle dataset", path.string());
  }
  const int64_t version = file.read_int_attribute("format_version");
  if (version != h5_layout::kVersion) {
    throw Error(ErrorKind::data, "format version " + std::to_string(version) + " is not supported", path.string(),
                "build the dataset again");
  }
  Split split;
  const std::string metadata_name = split_name + "/dataset.json";
  split.metadata = parse_metadata(read_text(file, metadata_name), path.string() + ":" + metadata_name);
  for (const std::string& name : split.metadata.sets) {
    const std::string prefix = split_name + "/" + name;
    const SetReader reader(file, prefix + "/", path.string() + ":" + prefix, split.metadata);
    split.sets.push_back({name, format == h5_layout::kLazy ? reader.read_lazy() : reader.read_chunked()});
  }
  return split;
}

std::string read_h5_text(const std::filesystem::path& file, const std::string& name) {
  return read_text(H5File::open(file), name);
}

}  // namespace tern::puzzles
