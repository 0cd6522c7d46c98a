#include "data/puzzles/arc_plan.h"

#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "data/puzzles/numpy_legacy_random.h"
#include "data/puzzles/python_json.h"

namespace tern::puzzles {

namespace {

constexpr int kRetriesPerAugmentation = 5;
constexpr int kTrain = 0;
constexpr int kTest = 1;
const std::array<std::string, 2> kSplitNames = {"train", "test"};

// A puzzle on its way into one or both splits.
struct Group {
  ArcPuzzle puzzle;
  bool is_test = false;                     // its test pairs are held out
  std::vector<Augmentation> augmentations;  // the first is the puzzle as it is

  [[nodiscard]] int split_of(const ArcPart& part) const { return is_test && part.is_test ? kTest : kTrain; }
};

Augmentation draw_augmentation(NumpyLegacyRandom& random) {
  Augmentation out;
  out.transform = static_cast<uint8_t>(random.randint(kNumTransforms));
  random.shuffle(std::span(out.colours).subspan(1));
  return out;
}

std::vector<Augmentation> draw_augmentations(const ArcPuzzle& puzzle, int64_t num_aug, NumpyLegacyRandom& random) {
  std::vector<Augmentation> out(1);
  if (num_aug == 0) return out;
  std::vector<const Pair*> pairs;
  for (const ArcPart& part : puzzle.parts) {
    for (const Pair& pair : part.pairs) pairs.push_back(&pair);
  }
  const AugmentationHasher hash(pairs);
  std::unordered_set<Hash128, Hash128Hasher> seen = {hash(out[0])};
  out.reserve(num_aug + 1);
  for (int64_t trial = 0; trial < kRetriesPerAugmentation * num_aug && std::ssize(out) <= num_aug; ++trial) {
    const Augmentation drawn = draw_augmentation(random);
    if (seen.insert(hash(drawn)).second) out.push_back(drawn);
  }
  return out;
}

// Gives every distinct puzzle name an identifier, in order of appearance. Names can come twice: when a subset is given
// twice or two subsets share a puzzle.
class Identifiers {
 public:
  explicit Identifiers(int64_t start) : next_(start), json_("[") {
    for (int64_t i = 0; i < start; ++i) append("\"<blank>\"");
  }

  // quoted: the name as a JSON string.
  int32_t identify(const std::string& quoted) {
    const auto [entry, is_new] = known_.try_emplace(hash_bytes(quoted.data(), quoted.size()), next_);
    if (is_new) {
      append(quoted);
      ++next_;
    }
    return static_cast<int32_t>(entry->second);
  }

  void reserve(size_t names) { known_.reserve(names); }
  [[nodiscard]] int64_t count() const { return next_; }
  [[nodiscard]] std::string json() && { return std::move(json_) + "]"; }

 private:
  void append(const std::string& quoted) {
    if (json_.size() > 1) json_ += ", ";
    json_ += quoted;
  }

  int64_t next_;
  std::string json_;
  std::unordered_map<Hash128, int64_t, Hash128Hasher> known_;
};

// test_puzzles.json. A name that comes twice keeps its first place and its last content, as in a Python dict.
class TestPuzzles {
 public:
  void add(const ArcPuzzle& puzzle) {
    const auto [entry, is_new] = places_.try_emplace(puzzle.name, members_.size());
    if (is_new) members_.emplace_back();
    members_[entry->second] = quote_python_json(puzzle.name) + ": " + puzzle.json;
  }

  [[nodiscard]] std::string json() const {
    std::string out = "{";
    for (const std::string& member : members_) out += (out.size() > 1 ? ", " : "") + member;
    return out + "}";
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<std::string> members_;
};

// Draws where each pair of an augmented puzzle goes: one stays in the corner, chosen first.
void draw_offsets(std::span<const Pair> pairs, const Augmentation& augmentation, bool translate,
                  NumpyLegacyRandom& random, std::vector<Offset>& out) {
  const uint32_t fixed = random.randint(static_cast<uint32_t>(pairs.size()));
  for (uint32_t i = 0; i < pairs.size(); ++i) {
    Offset offset;
    if (translate && i != fixed) {
      uint8_t rows = std::max(pairs[i].input.rows, pairs[i].output.rows);
      uint8_t cols = std::max(pairs[i].input.cols, pairs[i].output.cols);
      if (swaps_sides(augmentation.transform)) std::swap(rows, cols);
      offset.row = static_cast<uint8_t>(random.bounded(kMaxGridSide - rows));
      offset.col = static_cast<uint8_t>(random.bounded(kMaxGridSide - cols));
    }
    out.push_back(offset);
  }
}

class Planner {
 public:
  Planner(const ArcPlanOptions& options, const ArcPlanHooks& hooks)
      : options_(options), hooks_(hooks), random_(options.seed) {}

  ArcPlan plan() {
    for (const std::string& subset : options_.subsets) add_subset(subset);
    if (groups_.empty()) throw Error(ErrorKind::data, "no puzzles in the subsets", options_.input_file_prefix);
    find_overlaps_with_train();
    size_t num_names = 0;
    for (const Group& group : groups_) num_names += group.augmentations.size();
    identifiers_.reserve(num_names);
    for (const int split : {kTrain, kTest}) add_split(split);
    for (ArcSplit& split : plan_.splits) split.metadata.num_puzzle_identifiers = identifiers_.count();
    plan_.identifiers_json = std::move(identifiers_).json();
    plan_.test_puzzles_json = test_puzzles_.json();
    return std::move(plan_);
  }

 private:
  void add_subset(const std::string& name) {
    ArcSubset subset = load_arc_subset(options_.input_file_prefix, name);
    if (!subset.has_solutions) {
      hooks_.warn(options_.input_file_prefix + "_" + name +
                  "_solutions.json not found, missing outputs are filled with the dummy [[0]]");
    }
    random_.shuffle(std::span(subset.puzzles));
    const int64_t total = std::ssize(subset.puzzles);
    for (int64_t i = 0; i < total; ++i) {
      hooks_.progress(name, i, total);
      Group group;
      group.puzzle = std::move(subset.puzzles[i]);
      group.is_test = name == options_.test_set_name || name == options_.test_set_name2;
      check_has_pairs(group, name);
      if (group.is_test) test_puzzles_.add(group.puzzle);
      group.puzzle.json = {};
      group.augmentations = draw_augmentations(group.puzzle, options_.num_aug, random_);
      if (std::ssize(group.augmentations) <= options_.num_aug) ++plan_.puzzles_short_of_augmentations;
      groups_.push_back(std::move(group));
    }
    hooks_.progress(name, total, total);
  }

  void check_has_pairs(const Group& group, const std::string& subset) const {
    std::array<size_t, 2> num_pairs{};
    for (const ArcPart& part : group.puzzle.parts) num_pairs[group.split_of(part)] += part.pairs.size();
    for (const int split : {kTrain, kTest}) {
      if (num_pairs[split] > 0 || (split == kTest && !group.is_test)) continue;
      throw Error(ErrorKind::data, "puzzle has no pairs for the " + kSplitNames[split] + " split",
                  options_.input_file_prefix + "_" + subset + "_challenges.json, puzzle " + group.puzzle.name);
    }
  }

  void find_overlaps_with_train() {
    std::array<std::vector<NamedPair>, 2> pairs;
    for (const Group& group : groups_) {
      for (const ArcPart& part : group.puzzle.parts) {
        for (size_t i = 0; i < part.pairs.size(); ++i) {
          pairs[group.split_of(part)].push_back({&part.pairs[i], "puzzle " + group.puzzle.name +
                                                                     (part.is_test ? ", test" : ", train") + " pair " +
                                                                     std::to_string(i + 1)});
        }
      }
    }
    plan_.overlaps = find_overlaps(pairs[kTrain], pairs[kTest]);
    plan_.num_test_pairs = std::ssize(pairs[kTest]);
  }

  void add_split(int split) {
    ArcSplit out;
    out.name = kSplitNames[split];
    AugmentedSet& set = out.set;
    set.puzzle_indices = set.group_indices = set.group_pairs = {0};
    for (const Group& group : groups_) {
      if (split == kTest && !group.is_test) continue;
      add_group(group, split, set);
    }
    if (set.base_pairs.empty()) return;
    out.metadata = {.pad_id = kPadToken,
                    .ignore_label_id = kPadToken,
                    .blank_identifier_id = 0,
                    .vocab_size = kArcVocabSize,
                    .seq_len = kArcSeqLen,
                    .num_puzzle_identifiers = 0,  // known after the last split
                    .total_groups = std::ssize(set.group_indices) - 1,
                    .mean_puzzle_examples = 0,
                    .total_puzzles = std::ssize(set.puzzle_identifiers),
                    .sets = {"all"}};
    out.metadata.mean_puzzle_examples =
        static_cast<double>(set.num_examples()) / static_cast<double>(out.metadata.total_puzzles);
    plan_.splits.push_back(std::move(out));
  }

  void add_group(const Group& group, int split, AugmentedSet& set) {
    const size_t first_pair = set.base_pairs.size();
    for (const ArcPart& part : group.puzzle.parts) {
      if (group.split_of(part) != split) continue;
      set.base_pairs.insert(set.base_pairs.end(), part.pairs.begin(), part.pairs.end());
    }
    const std::span<const Pair> pairs = std::span(set.base_pairs).subspan(first_pair);
    const std::string quoted = quote_python_json(group.puzzle.name);
    const std::string open_quoted = quoted.substr(0, quoted.size() - 1);  // what augmentation appends needs no escapes
    for (size_t i = 0; i < group.augmentations.size(); ++i) {
      const Augmentation& augmentation = group.augmentations[i];
      set.puzzle_identifiers.push_back(
          identifiers_.identify(i == 0 ? quoted : augmented_name(open_quoted, augmentation) + '"'));
      set.augmentations.push_back(augmentation);
      draw_offsets(pairs, augmentation, split == kTrain, random_, set.offsets);
      set.puzzle_indices.push_back(static_cast<int32_t>(set.offsets.size()));
    }
    if (set.offsets.size() > INT32_MAX) {
      throw Error(ErrorKind::data, "more than 2147483647 examples", options_.input_file_prefix, "lower --num-aug");
    }
    set.group_indices.push_back(static_cast<int32_t>(set.puzzle_identifiers.size()));
    set.group_pairs.push_back(static_cast<int32_t>(set.base_pairs.size()));
  }

  const ArcPlanOptions& options_;
  const ArcPlanHooks& hooks_;
  NumpyLegacyRandom random_;
  std::vector<Group> groups_;
  Identifiers identifiers_{options_.puzzle_identifiers_start};
  TestPuzzles test_puzzles_;
  ArcPlan plan_;
};

}  // namespace

ArcPlan plan_arc_dataset(const ArcPlanOptions& options, const ArcPlanHooks& hooks) {
  return Planner(options, hooks).plan();
}

}  // namespace tern::puzzles
