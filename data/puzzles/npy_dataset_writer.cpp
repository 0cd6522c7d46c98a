#include "data/puzzles/npy_dataset_writer.h"

#include <algorithm>

#include "base/file.h"
#include "base/npy.h"
#include "data/puzzles/metadata.h"
#include "data/puzzles/output_file.h"
#include "data/puzzles/parallel_blocks.h"

namespace tern::puzzles {

namespace {

// 2 x 1.8 MB of buffers per thread: large enough for long writes, small enough to stay in the cache.
constexpr int64_t kRowsPerBlock = 1024;

class RowFile {
 public:
  RowFile(const std::filesystem::path& path, int64_t num_rows)
      : header_(npy_header(npy_type_of<uint8_t>(), std::array{num_rows, int64_t{kArcSeqLen}})),
        file_(path, std::ssize(header_) + num_rows * kArcSeqLen) {
    file_.write(0, header_);
  }

  void write(int64_t first_row, std::span<const uint8_t> rows) {
    file_.write(std::ssize(header_) + first_row * kArcSeqLen, std::as_bytes(rows));
  }

  void sync() { file_.sync(); }

 private:
  std::string header_;
  OutputFile file_;
};

void write_rows(const AugmentedSet& set, const std::string& stem, int64_t rows_before, const WriteOptions& options) {
  const int64_t num_rows = set.num_examples();
  RowFile inputs(stem + "inputs.npy", num_rows);
  RowFile labels(stem + "labels.npy", num_rows);
  struct Buffers {
    std::vector<uint8_t> inputs = std::vector<uint8_t>(kRowsPerBlock * kArcSeqLen);
    std::vector<uint8_t> labels = std::vector<uint8_t>(kRowsPerBlock * kArcSeqLen);
  };
  std::vector<Buffers> buffers(options.threads);

  BlockWork work;
  work.produce = [&](int worker, int64_t block) {
    const int64_t first = block * kRowsPerBlock;
    const int64_t last = std::min(first + kRowsPerBlock, num_rows);
    const size_t size = (last - first) * kArcSeqLen;
    Buffers& mine = buffers[worker];
    set.make_rows(first, last, mine.inputs.data(), mine.labels.data());
    inputs.write(first, std::span(mine.inputs).first(size));
    labels.write(first, std::span(mine.labels).first(size));
  };
  work.tick = [&](int64_t blocks_done) {
    options.progress(rows_before + std::min(blocks_done * kRowsPerBlock, num_rows));
  };
  run_blocks((num_rows + kRowsPerBlock - 1) / kRowsPerBlock, options.threads, work);
  inputs.sync();
  labels.sync();
}

void write_indices(const std::string& path, const std::vector<int32_t>& values) {
  save_npy(path, npy_type_of<int32_t>(), std::array{std::ssize(values)}, std::as_bytes(std::span(values)));
}

}  // namespace

void write_npy_dataset(const ArcPlan& plan, const std::filesystem::path& folder, const WriteOptions& options) {
  int64_t rows_before = 0;
  for (const ArcSplit& split : plan.splits) {
    const std::filesystem::path split_folder = folder / split.name;
    std::filesystem::create_directory(split_folder);
    const std::string stem = (split_folder / "all__").string();
    write_rows(split.set, stem, rows_before, options);
    write_indices(stem + "puzzle_identifiers.npy", split.set.puzzle_identifiers);
    write_indices(stem + "puzzle_indices.npy", split.set.puzzle_indices);
    write_indices(stem + "group_indices.npy", split.set.group_indices);
    write_file_atomically(split_folder / "dataset.json", format_metadata(split.metadata));
    rows_before += split.set.num_examples();
  }
  write_file_atomically(folder / "identifiers.json", plan.identifiers_json);
  write_file_atomically(folder / "test_puzzles.json", plan.test_puzzles_json);
}

}  // namespace tern::puzzles
