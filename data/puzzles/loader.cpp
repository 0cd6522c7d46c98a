#include "data/puzzles/loader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/puzzles/merged_metadata.h"
#include "data/puzzles/token_rows.h"

namespace tern::puzzles {

namespace {

void check_config(const LoaderConfig& config) {
  const auto require_positive = [](const char* key, int64_t value) {
    if (value < 1)
      throw Error(ErrorKind::usage, std::string(key) + " is " + std::to_string(value), "", "give 1 or more");
  };
  require_positive("global_batch_size", config.global_batch_size);
  require_positive("epochs_per_iter", config.epochs_per_iter);
  if (config.data_paths.empty()) throw Error(ErrorKind::usage, "data_paths is empty", "", "name at least one dataset");
  TERN_CHECK(config.rank >= 0 && config.rank < config.num_replicas, "rank is outside the world");
  const int64_t rest = config.global_batch_size % config.num_replicas;
  if (rest == 0) return;
  const int64_t below = config.global_batch_size - rest;
  const std::string above = std::to_string(below + config.num_replicas);
  throw Error(ErrorKind::usage,
              "global_batch_size " + std::to_string(config.global_batch_size) + " is not divisible by " +
                  std::to_string(config.num_replicas) + " ranks",
              "", "use " + (below > 0 ? std::to_string(below) + " or " : "") + above);
}

// An empty group has no puzzle to draw.
void check_groups(const PuzzleSet& set, const std::string& where) {
  const auto& bounds = set.group_indices;
  const auto empty = std::adjacent_find(bounds.begin(), bounds.end());
  if (empty == bounds.end()) return;
  throw Error(ErrorKind::data, "group " + std::to_string(empty - bounds.begin()) + " has no puzzles", where,
              "build the dataset again");
}

}  // namespace

Loader::Loader(const LoaderConfig& config) : config_(config) {
  check_config(config_);
  open_sets();
  position_.seed = config_.seed;
  position_.epochs_per_iter = config_.epochs_per_iter;
  for (const LoadedSet& loaded : sets_) position_.groups.push_back(std::ssize(loaded.set->group_indices) - 1);
}

void Loader::open_sets() {
  std::vector<Split> splits;
  std::vector<Metadata> metadata;
  for (const std::filesystem::path& path : config_.data_paths) {
    splits.push_back(open_split(path, config_.split));
    metadata.push_back(splits.back().metadata);
  }
  metadata_ = merge_metadata(metadata, config_.data_paths);
  for (size_t s = 0; s < metadata_.sets.size(); ++s) {
    for (size_t i = 0; i < splits.size(); ++i) {
      const std::string& name = metadata_.sets[s];
      LoadedSet loaded{i == 0 ? name : name + std::to_string(i),
                       config_.data_paths[i].string() + " (" + config_.split + ", " + name + ")", i,
                       std::move(splits[i].sets[s].set)};
      if (!config_.test_set_mode) check_groups(*loaded.set, loaded.where);
      sets_.push_back(std::move(loaded));
    }
  }
}

int64_t Loader::num_examples() const {
  int64_t count = 0;
  for (const LoadedSet& loaded : sets_) count += loaded.set->num_examples();
  return count;
}

bool Loader::next(Batch& batch) {
  return config_.test_set_mode ? next_test(batch) : next_train(batch);
}

bool Loader::next_train(Batch& batch) {
  for (; position_.set < std::ssize(sets_); ++position_.set) {
    const LoadedSet& loaded = sets_[static_cast<size_t>(position_.set)];
    if (!sampler_) begin_pass();
    if (sampler_->sample(config_.global_batch_size, global_)) {
      had_batch_ = true;
      const int64_t begin = config_.rank * local_batch_size();
      local_.rows.assign(global_.rows.begin() + begin, global_.rows.begin() + begin + local_batch_size());
      local_.puzzles.assign(global_.puzzles.begin() + begin, global_.puzzles.begin() + begin + local_batch_size());
      fill(loaded, batch, config_.global_batch_size);
      return true;
    }
    sampler_.reset();
  }
  position_.set = 0;
  if (!std::exchange(had_batch_, false)) {
    throw Error(ErrorKind::usage,
                "the data gives no batch of " + std::to_string(config_.global_batch_size) + " examples",
                sets_.front().where, "lower global_batch_size, or raise the epochs between evaluations");
  }
  return false;
}

void Loader::begin_pass() {
  ++position_.passes;
  sampler_.emplace(*sets_[static_cast<size_t>(position_.set)].set,
                   config_.seed + static_cast<uint64_t>(position_.passes), config_.epochs_per_iter);
}

bool Loader::next_test(Batch& batch) {
  for (; position_.set < std::ssize(sets_); ++position_.set, position_.position = 0) {
    const LoadedSet& loaded = sets_[static_cast<size_t>(position_.set)];
    const int64_t start = position_.position;
    const int64_t end = std::min(loaded.set->num_examples(), start + config_.global_batch_size);
    if (start >= end) continue;
    const int64_t local_start = std::min(start + config_.rank * local_batch_size(), end);
    const int64_t local_end = std::min(local_start + local_batch_size(), end);
    local_.rows.clear();
    local_.puzzles.clear();
    const auto& bounds = loaded.set->puzzle_indices;
    for (int64_t row = local_start; row < local_end; ++row) {
      local_.rows.push_back(row);
      const auto after = std::upper_bound(bounds.begin(), bounds.end(), row);
      local_.puzzles.push_back(static_cast<int32_t>(after - bounds.begin() - 1));
    }
    fill(loaded, batch, end - start);
    position_.position = start + config_.global_batch_size;
    return true;
  }
  position_.set = 0;
  return false;
}

void Loader::fill(const LoadedSet& loaded, Batch& batch, int64_t global_size) {
  batch.set_name = loaded.name;
  batch.dataset = loaded.dataset;
  batch.batch = local_batch_size();
  batch.seq_len = metadata_.seq_len;
  batch.num_examples = std::ssize(local_.rows);
  batch.global_size = global_size;
  const auto tokens = static_cast<size_t>(batch.batch * batch.seq_len);
  batch.inputs.resize(tokens);
  batch.labels.resize(tokens);
  batch.puzzle_identifiers.resize(static_cast<size_t>(batch.batch));

  const TokenRules rules{metadata_.seq_len, metadata_.vocab_size, metadata_.ignore_label_id};
  const auto bad = loaded.set->load_rows(local_.rows, rules, batch.inputs.data(), batch.labels.data());
  if (bad) {
    throw Error(ErrorKind::data,
                std::string(bad->part) + " of example " + std::to_string(bad->row) + " hold a token outside 0-" +
                    std::to_string(metadata_.vocab_size - 1),
                loaded.where, "build the dataset again");
  }
  const auto filled = static_cast<size_t>(batch.num_examples * batch.seq_len);
  std::fill(batch.inputs.data() + filled, batch.inputs.data() + tokens, static_cast<int32_t>(metadata_.pad_id));
  std::fill(batch.labels.data() + filled, batch.labels.data() + tokens, kIgnoreLabel);
  for (size_t i = 0; i < batch.puzzle_identifiers.size(); ++i) {
    const bool is_example = i < local_.puzzles.size();
    batch.puzzle_identifiers.data()[i] = is_example
                                             ? loaded.set->puzzle_identifiers[static_cast<size_t>(local_.puzzles[i])]
                                             : static_cast<int32_t>(metadata_.blank_identifier_id);
  }
}

LoaderState Loader::state() const {
  LoaderState state = position_;
  if (sampler_) state.train = sampler_->state();
  return state;
}

void Loader::restore(const LoaderState& state) {
  const auto require = [](const char* what, bool same) {
    if (!same) {
      throw Error(ErrorKind::checkpoint, std::string("the checkpoint's data position was saved with ") + what, "",
                  "continue with the run's own data and settings, or start a new run from its weights");
    }
  };
  require("other data", state.groups == position_.groups);
  require("another seed", state.seed == config_.seed);
  require("other epochs_per_iter", state.epochs_per_iter == config_.epochs_per_iter);
  require("other data", state.set >= 0 && state.set <= std::ssize(sets_) && state.position >= 0 && state.passes >= 0 &&
                            (!state.train || (state.train->position >= 0 && state.set < std::ssize(sets_))));
  position_ = state;
  position_.train.reset();
  sampler_.reset();
  had_batch_ = state.passes > 0;
  if (!state.train) return;
  --position_.passes;  // begin_pass counts it again
  begin_pass();
  sampler_->restore(*state.train);
}

}  // namespace tern::puzzles
