#include "tests/support/tiny_dataset.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/npy.h"

namespace fs = std::filesystem;

namespace tern::test {

namespace {

template <class T>
void save(const fs::path& path, const std::vector<T>& values, const std::vector<int64_t>& shape) {
  save_npy(path, npy_type_of<T>(), shape, std::as_bytes(std::span(values)));
}

void write_split(const fs::path& folder, const TinyDataset& dataset, int64_t examples_each, unsigned seed) {
  fs::create_directories(folder);
  std::mt19937 random(seed);
  const int64_t values = dataset.vocab_size - 1;
  const int64_t seq_len = dataset.side * dataset.side;
  std::vector<uint8_t> inputs;
  std::vector<uint8_t> labels;
  std::vector<int32_t> identifiers;
  std::vector<int32_t> puzzle_indices = {0};
  std::vector<int32_t> group_indices = {0};
  for (int64_t puzzle = 0; puzzle < dataset.puzzles; ++puzzle) {
    for (int64_t i = 0; i < examples_each * seq_len; ++i) {
      const auto value = static_cast<int64_t>(random() % static_cast<uint64_t>(values));
      inputs.push_back(static_cast<uint8_t>(1 + value));
      labels.push_back(static_cast<uint8_t>(1 + (value + 1) % values));
    }
    identifiers.push_back(static_cast<int32_t>(1 + puzzle));
    puzzle_indices.push_back(puzzle_indices.back() + static_cast<int32_t>(examples_each));
    group_indices.push_back(group_indices.back() + 1);
  }
  const int64_t examples = dataset.puzzles * examples_each;
  save(folder / "all__inputs.npy", inputs, {examples, seq_len});
  save(folder / "all__labels.npy", labels, {examples, seq_len});
  save(folder / "all__puzzle_identifiers.npy", identifiers, {dataset.puzzles});
  save(folder / "all__puzzle_indices.npy", puzzle_indices, {dataset.puzzles + 1});
  save(folder / "all__group_indices.npy", group_indices, {dataset.puzzles + 1});
  std::ofstream(folder / "dataset.json") << fmt::format(
      R"({{"pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": {}, "seq_len": {}, )"
      R"("num_puzzle_identifiers": {}, "total_groups": {}, "mean_puzzle_examples": {:.1f}, "total_puzzles": {}, )"
      R"("sets": ["all"]}})",
      dataset.vocab_size, seq_len, dataset.puzzles + 1, dataset.puzzles, static_cast<double>(examples_each),
      dataset.puzzles);
}

nlohmann::ordered_json grid(std::mt19937& random, int shift, int rows, int cols) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (int r = 0; r < rows; ++r) {
    std::vector<int> row;
    for (int c = 0; c < cols; ++c) row.push_back(static_cast<int>((random() + static_cast<unsigned>(shift)) % 10));
    out.push_back(row);
  }
  return out;
}

}  // namespace

void write_tiny_dataset(const fs::path& folder, const TinyDataset& dataset) {
  write_split(folder / "train", dataset, 2, 1);
  if (dataset.test_split) write_split(folder / "test", dataset, dataset.test_examples, 2);
  std::ofstream identifiers(folder / "identifiers.json");
  identifiers << "[\"<blank>\"";
  for (int64_t puzzle = 0; puzzle < dataset.puzzles; ++puzzle) identifiers << ", \"tiny" << puzzle << "\"";
  identifiers << "]";
}

void write_tiny_arc_json(const fs::path& folder) {
  fs::create_directories(folder);
  std::mt19937 random(3);
  for (const auto& [subset, puzzles] : {std::pair("training", 3), std::pair("evaluation", 2)}) {
    nlohmann::ordered_json challenges;
    nlohmann::ordered_json solutions;
    for (int p = 0; p < puzzles; ++p) {
      const std::string name = fmt::format("{}{}", subset, p);
      const int side = 2 + p;
      for (int pair = 0; pair < 2; ++pair) {
        challenges[name]["train"].push_back(
            {{"input", grid(random, 0, side, side)}, {"output", grid(random, 1, side, side)}});
      }
      challenges[name]["test"].push_back({{"input", grid(random, 0, side, side)}});
      solutions[name].push_back(grid(random, 1, side, side));
    }
    std::ofstream(folder / fmt::format("mini_{}_challenges.json", subset)) << challenges;
    std::ofstream(folder / fmt::format("mini_{}_solutions.json", subset)) << solutions;
  }
}

}  // namespace tern::test
