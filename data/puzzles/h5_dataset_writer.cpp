#include "data/puzzles/h5_dataset_writer.h"

#include <algorithm>
#include <cstring>

#include "data/puzzles/h5_file.h"
#include "data/puzzles/h5_layout.h"
#include "data/puzzles/metadata.h"
#include "data/puzzles/output_file.h"
#include "data/puzzles/parallel_blocks.h"

namespace tern::puzzles {

namespace {

// Writes arrays into one file with the help of all threads.
class ArrayWriter {
 public:
  ArrayWriter(H5File& file, const WriteOptions& options) : file_(file), threads_(options.threads) {}

  void write_text(const std::string& name, const std::string& text) {
    write_array(name, std::span<const char>(text), {std::ssize(text)});
  }

  template <typename T>
  void write_array(const std::string& name, std::span<const T> values, const std::vector<int64_t>& shape) {
    const int64_t row_bytes = shape[0] == 0 ? 1 : std::ssize(values) * static_cast<int64_t>(sizeof(T)) / shape[0];
    H5Array array = file_.create_array(name, h5_type_of<T>, shape, h5_layout::kBytesPerChunk / row_bytes);
    write_chunks(array, std::as_bytes(values));
  }

  template <typename T>
  void write_vector(const std::string& name, const std::vector<T>& values) {
    write_array(name, std::span<const T>(values), {std::ssize(values)});
  }

 private:
  void write_chunks(H5Array& array, std::span<const std::byte> bytes) {
    struct Buffers {
      ChunkDeflater deflater;
      std::vector<std::byte> chunk;
      std::vector<std::byte> deflated;
    };
    std::vector<Buffers> buffers(threads_);
    const size_t chunk_bytes = static_cast<size_t>(array.chunk_rows() * array.row_bytes());
    BlockWork work;
    work.produce = [&](int worker, int64_t block) {
      Buffers& mine = buffers[worker];
      const std::span<const std::byte> rest = bytes.subspan(static_cast<size_t>(block) * chunk_bytes);
      mine.chunk.assign(chunk_bytes, std::byte{0});
      std::copy_n(rest.begin(), std::min(chunk_bytes, rest.size()), mine.chunk.begin());
      mine.deflater.deflate(mine.chunk, mine.deflated);
    };
    work.commit = [&](int worker, int64_t block) { array.write_chunk(block, buffers[worker].deflated); };
    run_blocks(array.num_chunks(), threads_, work);
  }

  H5File& file_;
  int threads_;
};

void write_rows(H5File& file, const std::string& prefix, const AugmentedSet& set, int64_t rows_before,
                const WriteOptions& options) {
  // Several chunks per block, or threads would mostly wait for their turn to write.
  constexpr int64_t kChunksPerBlock = 16;
  constexpr int64_t kRowsPerBlock = kChunksPerBlock * h5_layout::kRowsPerChunk;
  const int64_t num_rows = set.num_examples();
  H5Array inputs =
      file.create_array(prefix + "inputs", H5Type::uint8, {num_rows, kArcSeqLen}, h5_layout::kRowsPerChunk);
  H5Array labels =
      file.create_array(prefix + "labels", H5Type::uint8, {num_rows, kArcSeqLen}, h5_layout::kRowsPerChunk);
  const int64_t chunk_rows = inputs.chunk_rows();
  const int64_t chunk_bytes = chunk_rows * kArcSeqLen;

  struct Buffers {
    ChunkDeflater deflater;
    std::vector<uint8_t> inputs;
    std::vector<uint8_t> labels;
    std::vector<std::vector<std::byte>> deflated = std::vector<std::vector<std::byte>>(2 * kChunksPerBlock);
  };
  std::vector<Buffers> buffers(options.threads);
  const auto chunks_in_block = [&](int64_t block) {
    return std::min(kChunksPerBlock, inputs.num_chunks() - block * kChunksPerBlock);
  };

  BlockWork work;
  work.produce = [&](int worker, int64_t block) {
    Buffers& mine = buffers[worker];
    mine.inputs.assign(kChunksPerBlock * chunk_bytes, 0);
    mine.labels.assign(kChunksPerBlock * chunk_bytes, 0);
    const int64_t first = block * kRowsPerBlock;
    set.make_rows(first, std::min(first + kRowsPerBlock, num_rows), mine.inputs.data(), mine.labels.data());
    for (int64_t i = 0; i < chunks_in_block(block); ++i) {
      const auto chunk_of = [&](const std::vector<uint8_t>& rows) {
        return std::as_bytes(std::span(rows).subspan(i * chunk_bytes, chunk_bytes));
      };
      mine.deflater.deflate(chunk_of(mine.inputs), mine.deflated[2 * i]);
      mine.deflater.deflate(chunk_of(mine.labels), mine.deflated[2 * i + 1]);
    }
  };
  work.commit = [&](int worker, int64_t block) {
    for (int64_t i = 0; i < chunks_in_block(block); ++i) {
      inputs.write_chunk(block * kChunksPerBlock + i, buffers[worker].deflated[2 * i]);
      labels.write_chunk(block * kChunksPerBlock + i, buffers[worker].deflated[2 * i + 1]);
    }
  };
  work.tick = [&](int64_t blocks_done) {
    options.progress(rows_before + std::min(blocks_done * kRowsPerBlock, num_rows));
  };
  run_blocks((num_rows + kRowsPerBlock - 1) / kRowsPerBlock, options.threads, work);
}

void write_table(ArrayWriter& writer, const std::string& prefix, const AugmentedSet& set) {
  std::vector<uint8_t> shapes;
  std::vector<uint8_t> cells;
  for (const Pair& pair : set.base_pairs) {
    for (const Grid* grid : {&pair.input, &pair.output}) {
      shapes.insert(shapes.end(), {grid->rows, grid->cols});
      cells.insert(cells.end(), grid->cells.begin(), grid->cells.end());
    }
  }
  static_assert(sizeof(Augmentation) == 1 + kNumColours && sizeof(Offset) == 2, "stored as they lie in memory");
  const auto bytes_of = [](const auto& items) {
    return std::span(reinterpret_cast<const uint8_t*>(items.data()), items.size() * sizeof(items[0]));
  };
  writer.write_array(prefix + "pair_shapes", std::span<const uint8_t>(shapes), {std::ssize(set.base_pairs), 4});
  writer.write_vector(prefix + "cells", cells);
  writer.write_vector(prefix + "group_pairs", set.group_pairs);
  writer.write_array(prefix + "augmentations", bytes_of(set.augmentations),
                     {std::ssize(set.augmentations), int64_t{sizeof(Augmentation)}});
  writer.write_array(prefix + "offsets", bytes_of(set.offsets), {std::ssize(set.offsets), int64_t{sizeof(Offset)}});
}

void write_dataset(const ArcPlan& plan, const std::filesystem::path& path, bool lazy, const WriteOptions& options) {
  {
    H5File file = H5File::create(path);
    file.write_attribute("format", std::string(lazy ? h5_layout::kLazy : h5_layout::kMaterialised));
    file.write_attribute("format_version", h5_layout::kVersion);
    ArrayWriter writer(file, options);
    writer.write_text("identifiers.json", plan.identifiers_json);
    writer.write_text("test_puzzles.json", plan.test_puzzles_json);
    int64_t rows_before = 0;
    for (const ArcSplit& split : plan.splits) {
      writer.write_text(split.name + "/dataset.json", format_metadata(split.metadata));
      const std::string prefix = split.name + "/" + split.metadata.sets.front() + "/";
      writer.write_vector(prefix + "puzzle_identifiers", split.set.puzzle_identifiers);
      writer.write_vector(prefix + "puzzle_indices", split.set.puzzle_indices);
      writer.write_vector(prefix + "group_indices", split.set.group_indices);
      if (lazy) {
        write_table(writer, prefix, split.set);
      } else {
        write_rows(file, prefix, split.set, rows_before, options);
      }
      rows_before += split.set.num_examples();
      options.progress(rows_before);
    }
    file.flush();
  }
  sync_file(path);
}

}  // namespace

void write_h5_dataset(const ArcPlan& plan, const std::filesystem::path& file, const WriteOptions& options) {
  write_dataset(plan, file, false, options);
}

void write_lazy_dataset(const ArcPlan& plan, const std::filesystem::path& file, const WriteOptions& options) {
  write_dataset(plan, file, true, options);
}

}  // namespace tern::puzzles
