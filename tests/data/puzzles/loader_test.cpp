// The loader's batches against upstream's recorded ones, over ranks, containers, and saved positions.
#include "data/puzzles/loader.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/puzzles/arc_builder.h"
#include "data/puzzles/token_rows.h"
#include "tests/data/puzzles/arc_puzzles.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

using Json = nlohmann::json;
const std::filesystem::path kReference = std::filesystem::path(TERN_TEST_REFERENCE) / "loader";

std::vector<int32_t> copy(const TokenBuffer& buffer) {
  return {buffer.values().begin(), buffer.values().end()};
}

// What a batch holds, for comparisons.
struct Content {
  std::string set_name;
  int64_t global_size;
  std::vector<int32_t> inputs, labels, identifiers;

  explicit Content(const Batch& batch)
      : set_name(batch.set_name),
        global_size(batch.global_size),
        inputs(copy(batch.inputs)),
        labels(copy(batch.labels)),
        identifiers(copy(batch.puzzle_identifiers)) {}
  friend bool operator==(const Content&, const Content&) = default;
};

std::vector<Content> iteration(Loader& loader) {
  std::vector<Content> out;
  for (Batch batch; loader.next(batch);) out.emplace_back(batch);
  return out;
}

LoaderConfig config_of(const Json& c) {
  LoaderConfig config;
  for (const std::string path : c["paths"]) config.data_paths.push_back(kReference / path);
  config.split = c["split"];
  config.test_set_mode = c["test"];
  config.global_batch_size = c["global_batch_size"];
  config.epochs_per_iter = c["epochs_per_iter"];
  config.seed = c["seed"];
  config.rank = c["rank"];
  config.num_replicas = c["world"];
  return config;
}

std::vector<int32_t> flat(const Json& rows) {
  std::vector<int32_t> out;
  for (const Json& row : rows) out.insert(out.end(), row.begin(), row.end());
  return out;
}

// The recorded tokens begin with the row's number; each row must be of the puzzle that upstream drew, and none twice
// within a visit to a puzzle, which ends when all its examples were shown.
void expect_rows_of_their_puzzles(const Content& got, const PuzzleSet& set, int64_t seq_len) {
  std::set<int64_t> visit;
  size_t visited = SIZE_MAX;
  for (size_t i = 0; i < got.identifiers.size(); ++i) {
    const size_t at = i * static_cast<size_t>(seq_len);
    const int64_t row = got.inputs[at] * 50 + got.inputs[at + 1];
    const auto after = std::upper_bound(set.puzzle_indices.begin(), set.puzzle_indices.end(), row);
    const auto puzzle = static_cast<size_t>(after - set.puzzle_indices.begin() - 1);
    EXPECT_EQ(got.identifiers[i], set.puzzle_identifiers[puzzle]);
    if (puzzle != visited || std::ssize(visit) == *after - *(after - 1)) visit.clear();
    visited = puzzle;
    EXPECT_TRUE(visit.insert(row).second) << "row " << row << " twice";
  }
}

TEST(Loader, YieldsUpstreamsBatches) {
  const Json cases = Json::parse(read_file(kReference / "expected.json"));
  ASSERT_EQ(cases.size(), 7U);
  for (const Json& c : cases) {
    SCOPED_TRACE(c["paths"].dump() + " " + c["split"].dump() + " rank " + c["rank"].dump());
    const LoaderConfig config = config_of(c);
    Loader loader(config);
    EXPECT_EQ(loader.metadata().num_puzzle_identifiers, c["metadata"]["num_puzzle_identifiers"]);
    EXPECT_EQ(loader.metadata().total_groups, c["metadata"]["total_groups"]);
    EXPECT_EQ(loader.metadata().total_puzzles, c["metadata"]["total_puzzles"]);
    EXPECT_EQ(loader.metadata().mean_puzzle_examples, c["metadata"]["mean_puzzle_examples"].get<double>());
    std::vector<Split> splits;
    for (const auto& path : config.data_paths) splits.push_back(open_split(path, config.split));
    for (const Json& wanted : c["iterations"]) {
      const std::vector<Content> got = iteration(loader);
      ASSERT_EQ(got.size(), wanted.size());
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].set_name, wanted[i]["set"]);
        EXPECT_EQ(got[i].global_size, wanted[i]["global_size"]);
        EXPECT_EQ(got[i].identifiers, wanted[i]["identifiers"].get<std::vector<int32_t>>()) << "batch " << i;
        if (config.test_set_mode) {
          EXPECT_EQ(got[i].inputs, flat(wanted[i]["inputs"]));
          EXPECT_EQ(got[i].labels, flat(wanted[i]["labels"]));
        } else {
          const Split& split = splits[got[i].set_name == "all" ? 0 : 1];
          expect_rows_of_their_puzzles(got[i], *split.sets[0].set, split.metadata.seq_len);
        }
      }
    }
  }
}

LoaderConfig two_sets() {
  LoaderConfig config;
  config.data_paths = {kReference / "a", kReference / "b"};
  config.global_batch_size = 6;
  config.epochs_per_iter = 2;
  config.seed = 5;
  return config;
}

TEST(Loader, OrderInsideAPuzzleIsShuffledAndSeeded) {
  LoaderConfig config = two_sets();
  config.data_paths.pop_back();
  config.epochs_per_iter = 50;
  Loader first(config);
  Loader second(config);
  const std::vector<Content> batches = iteration(first);
  EXPECT_EQ(batches, iteration(second));
  // Over many visits every example of a three-example puzzle comes first about as often as the others.
  std::map<int32_t, int> firsts;
  const Split split = open_split(config.data_paths[0], "train");
  const PuzzleSet& set = *split.sets[0].set;
  for (const Content& batch : batches) {
    for (size_t i = 1; i < batch.identifiers.size(); ++i) {
      const int32_t row = batch.inputs[i * 6] * 50 + batch.inputs[i * 6 + 1];
      const auto after = std::upper_bound(set.puzzle_indices.begin(), set.puzzle_indices.end(), row);
      const int32_t begin = *(after - 1);
      const int32_t previous = batch.inputs[(i - 1) * 6] * 50 + batch.inputs[(i - 1) * 6 + 1];
      if (*after - begin == 3 && (previous < begin || previous >= *after)) ++firsts[row - begin];
    }
  }
  for (int place = 0; place < 3; ++place) {
    EXPECT_GT(firsts[place], 0.22 * (firsts[0] + firsts[1] + firsts[2])) << place;
  }
}

TEST(Loader, LabelsAreMaskedAndInputsAreNot) {
  Loader loader(two_sets());
  bool masked = false;
  for (const Content& batch : iteration(loader)) {
    for (const int32_t label : batch.labels) {
      EXPECT_TRUE(label == kIgnoreLabel || (label > 0 && label < 5)) << label;
      masked |= label == kIgnoreLabel;
    }
    for (const int32_t token : batch.inputs) EXPECT_TRUE(token >= 0 && token < 60);
  }
  EXPECT_TRUE(masked);
}

TEST(Loader, RanksTogetherSeeTheGlobalBatch) {
  for (const bool test_set_mode : {false, true}) {
    LoaderConfig config = two_sets();
    config.split = test_set_mode ? "test" : "train";
    config.test_set_mode = test_set_mode;
    config.num_replicas = 1;
    Loader whole(config);
    config.num_replicas = 3;
    std::vector<Loader> parts;
    for (config.rank = 0; config.rank < 3; ++config.rank) parts.emplace_back(config);
    Batch batch;
    while (whole.next(batch)) {
      const Content wanted(batch);
      Content joined = wanted;
      joined.inputs.clear();
      joined.labels.clear();
      joined.identifiers.clear();
      int64_t examples = 0;
      for (Loader& part : parts) {
        Batch share;
        ASSERT_TRUE(part.next(share));
        EXPECT_EQ(share.batch, 2);
        EXPECT_EQ(share.global_size, wanted.global_size);
        examples += share.num_examples;
        const Content content(share);
        joined.inputs.insert(joined.inputs.end(), content.inputs.begin(), content.inputs.end());
        joined.labels.insert(joined.labels.end(), content.labels.begin(), content.labels.end());
        joined.identifiers.insert(joined.identifiers.end(), content.identifiers.begin(), content.identifiers.end());
      }
      EXPECT_EQ(joined, wanted);
      EXPECT_EQ(examples, wanted.global_size);
    }
    for (Loader& part : parts) EXPECT_FALSE(part.next(batch));
  }
}

TEST(Loader, RestoredAtAnyBatchGoesOnExactly) {
  for (const bool test_set_mode : {false, true}) {
    LoaderConfig config = two_sets();
    config.split = test_set_mode ? "test" : "train";
    config.test_set_mode = test_set_mode;
    Loader original(config);
    // Each step is a batch or the end of an iteration; the state is taken before it.
    std::vector<std::string> states;
    std::vector<std::optional<Content>> steps;
    for (int ends = 0; ends < 3;) {
      states.push_back(to_json(original.state()));
      Batch batch;
      const bool has_batch = original.next(batch);
      steps.push_back(has_batch ? std::optional<Content>(Content(batch)) : std::nullopt);
      ends += has_batch ? 0 : 1;
    }
    for (size_t start = 0; start < states.size(); ++start) {
      Loader restored(config);
      restored.restore(parse_loader_state(states[start]));
      EXPECT_EQ(to_json(restored.state()), states[start]);
      for (size_t i = start; i < std::min(start + 20, steps.size()); ++i) {
        Batch batch;
        const bool has_batch = restored.next(batch);
        ASSERT_EQ(has_batch, steps[i].has_value()) << "from " << start << " at " << i;
        if (has_batch) {
          ASSERT_EQ(Content(batch), *steps[i]) << "from " << start << " at " << i;
        }
      }
    }
  }
}

TEST(Loader, PositionDoesNotDependOnTheRank) {
  LoaderConfig config = two_sets();
  Loader one(config);
  config.num_replicas = 2;
  config.rank = 1;
  Loader other(config);
  Batch batch;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(one.next(batch) && other.next(batch));
  EXPECT_EQ(one.state(), other.state());
}

std::string error_of(const LoaderConfig& config, ErrorKind kind) {
  try {
    Loader loader(config);
    for (Batch batch; loader.next(batch);) {
    }
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    return e.what();
  }
  return "no error";
}

TEST(Loader, RefusesImpossibleNumbers) {
  LoaderConfig config = two_sets();
  config.global_batch_size = 10;
  config.num_replicas = 4;
  EXPECT_EQ(error_of(config, ErrorKind::usage), "global_batch_size 10 is not divisible by 4 ranks, use 8 or 12");
  config.global_batch_size = 3;
  EXPECT_EQ(error_of(config, ErrorKind::usage), "global_batch_size 3 is not divisible by 4 ranks, use 4");
  config.global_batch_size = 0;
  EXPECT_EQ(error_of(config, ErrorKind::usage), "global_batch_size is 0, give 1 or more");
  config = two_sets();
  config.epochs_per_iter = 0;
  EXPECT_EQ(error_of(config, ErrorKind::usage), "epochs_per_iter is 0, give 1 or more");
  config = two_sets();
  config.global_batch_size = 100000;
  EXPECT_NE(error_of(config, ErrorKind::usage).find("the data gives no batch of 100000 examples"), std::string::npos);
  config.data_paths.clear();
  EXPECT_EQ(error_of(config, ErrorKind::usage), "data_paths is empty, name at least one dataset");
}

TEST(Loader, RefusesAStateOfAnotherRun) {
  LoaderConfig config = two_sets();
  Loader loader(config);
  const LoaderState state = loader.state();
  const auto refusal = [&](LoaderState changed) -> std::string {
    try {
      loader.restore(changed);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::checkpoint);
      return e.what();
    }
    return "no error";
  };
  LoaderState changed = state;
  changed.seed = 6;
  EXPECT_NE(refusal(changed).find("another seed"), std::string::npos);
  changed = state;
  changed.epochs_per_iter = 3;
  EXPECT_NE(refusal(changed).find("other epochs_per_iter"), std::string::npos);
  changed = state;
  changed.groups[1] += 1;
  EXPECT_NE(refusal(changed).find("other data"), std::string::npos);
  changed = state;
  changed.set = 3;
  EXPECT_NE(refusal(changed).find("other data"), std::string::npos);
  for (const char* text : {"", "{}", "[1]", "{\"passes\": \"x\"}"}) {
    EXPECT_THROW((void)parse_loader_state(text), Error) << text;
  }
}

TEST(Loader, SameBatchesFromNpyH5AndLazy) {
  const tern::test::TempFolder folder;
  ArcBuildOptions options;
  options.plan.input_file_prefix = test::unpack_arc_puzzles(folder.path(), {"concept"});
  options.plan.subsets = {"concept"};
  options.plan.test_set_name = "concept";
  options.plan.num_aug = 2;
  options.threads = 2;
  std::map<Container, std::filesystem::path> datasets = {
      {Container::npy, folder / "npy"}, {Container::h5, folder / "rows.h5"}, {Container::lazy, folder / "lazy.h5"}};
  for (const auto& [container, path] : datasets) {
    options.container = container;
    options.output = path;
    (void)build_arc_dataset(options, {});
  }
  for (const bool test_set_mode : {false, true}) {
    std::optional<std::vector<Content>> wanted;
    for (const auto& [container, path] : datasets) {
      LoaderConfig config;
      config.data_paths = {path};
      config.split = test_set_mode ? "test" : "train";
      config.test_set_mode = test_set_mode;
      config.global_batch_size = 50;
      Loader loader(config);
      const std::vector<Content> got = iteration(loader);
      EXPECT_GT(got.size(), 5U);
      if (!wanted) wanted = got;
      EXPECT_EQ(got, *wanted) << path;
    }
  }
  EXPECT_EQ(read_identifiers_json(datasets[Container::npy]), read_identifiers_json(datasets[Container::lazy]));
  EXPECT_EQ(read_test_puzzles_json(datasets[Container::npy]), read_test_puzzles_json(datasets[Container::h5]));
  EXPECT_EQ(read_metadata(datasets[Container::h5], "test").total_groups,
            read_metadata(datasets[Container::npy], "test").total_groups);
}

}  // namespace
}  // namespace tern::puzzles
