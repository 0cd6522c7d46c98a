// Turns datasets into batches, for one rank, in upstream's order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/puzzles/batch.h"
#include "data/puzzles/dataset.h"
#include "data/puzzles/loader_state.h"
#include "data/puzzles/train_sampler.h"

namespace tern::puzzles {

struct LoaderConfig {
  std::vector<std::filesystem::path> data_paths;  // one set per path and set name: all, all1, all2, ...
  std::string split = "train";
  bool test_set_mode = false;     // false: shuffled full batches. true: every example once, in order, the last padded
  int64_t global_batch_size = 1;  // over all ranks; divisible by num_replicas
  int64_t epochs_per_iter = 1;    // training: rounds over the groups in one iteration
  uint64_t seed = 0;
  int rank = 0;
  int num_replicas = 1;
};

// Not thread-safe; a Prefetcher runs one on a thread of its own.
class Loader {
 public:
  // Opens and checks every dataset. Throws Error(usage) for impossible numbers and Error(data) for bad files.
  explicit Loader(const LoaderConfig& config);

  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  [[nodiscard]] int64_t local_batch_size() const { return config_.global_batch_size / config_.num_replicas; }
  // Of all sets together.
  [[nodiscard]] int64_t num_examples() const;

  // Fills batch (reusing its memory) with this rank's share of the next global batch. False at the end of an
  // iteration, which visits every set once; the call after that begins the next iteration. Throws Error(data) naming
  // dataset and example for a token outside the vocabulary, and Error(usage) when a training iteration ends without a
  // single full batch.
  [[nodiscard]] bool next(Batch& batch);

  // The position after the batches handed out so far; a loader with the same configuration (of any rank, and of any
  // number of ranks) that restores it goes on with the same examples, also in the middle of an iteration. restore
  // throws Error(checkpoint) when the state belongs to other data, another seed or other epochs_per_iter.
  [[nodiscard]] LoaderState state() const;
  void restore(const LoaderState& state);

 private:
  struct LoadedSet {
    std::string name;
    std::string where;  // for messages
    size_t dataset = 0;
    std::unique_ptr<PuzzleSet> set;
  };

  void open_sets();
  [[nodiscard]] bool next_train(Batch& batch);
  [[nodiscard]] bool next_test(Batch& batch);
  void begin_pass();
  void fill(const LoadedSet& set, Batch& batch, int64_t global_size);

  LoaderConfig config_;
  Metadata metadata_;
  std::vector<LoadedSet> sets_;
  LoaderState position_;  // its train is filled in by state()
  std::optional<TrainSampler> sampler_;
  bool had_batch_ = false;  // in this iteration
  Selection global_;        // scratch: the global batch
  Selection local_;         // scratch: this rank's part of it
};

}  // namespace tern::puzzles
