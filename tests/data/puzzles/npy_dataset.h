// A small dataset in memory, written as a folder of npy files, so that tests can damage any part of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/npy.h"
#include "data/puzzles/metadata.h"

namespace tern::puzzles::test {

template <class T>
void save_array(const std::filesystem::path& path, const std::vector<T>& values, std::vector<int64_t> shape = {}) {
  if (shape.empty()) shape = {std::ssize(values)};
  save_npy(path, npy_type_of<T>(), shape, std::as_bytes(std::span(values)));
}

// Three groups with 1, 2 and 1 puzzles of 2, 1, 3 and 2 examples of 4 tokens.
struct NpyDataset {
  Metadata metadata{.pad_id = 0,
                    .ignore_label_id = 0,
                    .blank_identifier_id = 0,
                    .vocab_size = 10,
                    .seq_len = 4,
                    .num_puzzle_identifiers = 5,
                    .total_groups = 3,
                    .mean_puzzle_examples = 2.0,
                    .total_puzzles = 4,
                    .sets = {"all"}};
  std::vector<uint8_t> inputs = numbers(1);
  std::vector<uint8_t> labels = numbers(0);
  std::vector<int32_t> puzzle_identifiers = {1, 2, 3, 4};
  std::vector<int32_t> puzzle_indices = {0, 2, 3, 6, 8};
  std::vector<int32_t> group_indices = {0, 1, 3, 4};

  void write(const std::filesystem::path& folder, const std::string& split = "train") const {
    const std::filesystem::path out = folder / split;
    std::filesystem::create_directories(out);
    write_file_atomically(out / "dataset.json", format_metadata(metadata));
    const int64_t rows = std::ssize(inputs) / metadata.seq_len;
    save_array(out / "all__inputs.npy", inputs, {rows, metadata.seq_len});
    save_array(out / "all__labels.npy", labels, {rows, metadata.seq_len});
    save_array(out / "all__puzzle_identifiers.npy", puzzle_identifiers);
    save_array(out / "all__puzzle_indices.npy", puzzle_indices);
    save_array(out / "all__group_indices.npy", group_indices);
  }

 private:
  static std::vector<uint8_t> numbers(int start) {
    std::vector<uint8_t> values;
    for (int i = 0; i < 8 * 4; ++i) values.push_back(static_cast<uint8_t>((start + i) % 10));
    return values;
  }
};

}  // namespace tern::puzzles::test
