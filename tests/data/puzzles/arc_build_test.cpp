// arc_build as a user runs it.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "data/puzzles/augment.h"
#include "data/puzzles/dataset.h"
#include "tests/data/puzzles/arc_puzzles.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::puzzles {
namespace {

namespace fs = std::filesystem;
using tern::test::Process;
using tern::test::ProcessOptions;
using tern::test::ProcessResult;
using tern::test::run_process;

const std::vector<std::string> kAllSubsets = {"training", "evaluation", "concept", "training2", "evaluation2"};

class ArcBuild : public testing::Test {
 protected:
  // Options are split at blanks. Runs in the test's folder, where the puzzles lie as arc-agi_*.
  std::vector<std::string> command(const std::string& options) const {
    std::vector<std::string> arguments = {TERN_BIN "/arc_build"};
    std::istringstream words(options);
    for (std::string word; words >> word;) arguments.push_back(word);
    return arguments;
  }

  ProcessResult build(const std::string& options, std::optional<int64_t> max_file_bytes = std::nullopt) const {
    return run_process(command(options), {folder_.path(), max_file_bytes});
  }

  void unpack(const std::vector<std::string>& subsets) const { test::unpack_arc_puzzles(folder_.path(), subsets); }

  void put(const std::string& file, const std::string& content) const { std::ofstream(folder_ / file) << content; }

  // Expects a refusal with this exit code and message that leaves the folder as it was.
  void expect_refused(const std::string& options, int exit_code, const std::string& message) const {
    const std::vector<std::string> before = entries();
    const ProcessResult result = build(options);
    EXPECT_EQ(result.exit_code, exit_code) << options << "\n" << result.err;
    EXPECT_EQ(last_line(result.err), "error: " + message) << options;
    EXPECT_EQ(entries(), before) << options;
  }

  static std::string last_line(std::string text) {
    if (text.ends_with('\n')) text.pop_back();
    return text.substr(text.rfind('\n') + 1);
  }

  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  tern::test::TempFolder folder_;
};

// --- Equality with upstream

struct RecordedBuild {
  std::string name;
  std::vector<std::string> subsets;  // to unpack
  std::string options;

  // The test's name in ctest; the default would be the bytes of the struct.
  friend void PrintTo(const RecordedBuild& build, std::ostream* out) { *out << build.name; }
};

class ArcBuildRecorded : public ArcBuild, public testing::WithParamInterface<RecordedBuild> {};

TEST_P(ArcBuildRecorded, WritesUpstreamsBytes) {
  unpack(GetParam().subsets);
  if (GetParam().name == "no-solutions") fs::remove(folder_ / "arc-agi_evaluation_solutions.json");
  const ProcessResult result =
      build("--input-file-prefix arc-agi --output-dir " + GetParam().name + " " + GetParam().options);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ProcessResult sums = run_process({"sha256sum", "-c", TERN_TEST_REFERENCE "/arc/" + GetParam().name + ".sha256"},
                                         {folder_.path(), std::nullopt});
  EXPECT_EQ(sums.exit_code, 0) << sums.out << sums.err;
  EXPECT_EQ(std::count(sums.out.begin(), sums.out.end(), '\n'), 14) << sums.out;
}

// Options of the same names in tests/reference/arc/README.md.
INSTANTIATE_TEST_SUITE_P(
    Upstream, ArcBuildRecorded,
    testing::Values(
        RecordedBuild{"arc1-aug10",
                      {"training", "evaluation"},
                      "--subsets training evaluation --test-set-name evaluation --num-aug 10 --seed 42"},
        RecordedBuild{"arc2-aug3",
                      {"training2", "evaluation2"},
                      "--subsets training2 evaluation2 --test-set-name evaluation2 --num-aug 3 --seed 42 --threads 1"},
        RecordedBuild{"smoke-aug0",
                      {"training", "evaluation"},
                      "--subsets training evaluation --test-set-name evaluation --num-aug 0"},
        RecordedBuild{"arc1-concept-aug5",
                      {"training", "evaluation", "concept"},
                      "--subsets training evaluation concept --test-set-name evaluation --num-aug 5 --threads 5"},
        RecordedBuild{"evaluation-first",
                      {"training", "evaluation"},
                      "--subsets evaluation training --test-set-name evaluation --num-aug 4 --seed 7 "
                      "--puzzle-identifiers-start 5"},
        RecordedBuild{"two-test-sets",
                      {"evaluation2", "concept", "evaluation"},
                      "--subsets evaluation2 concept evaluation --test-set-name evaluation2 --test-set-name2 concept "
                      "--num-aug 2 --seed 123"},
        RecordedBuild{"shared-names",
                      {"training2", "training", "evaluation2"},
                      "--subsets=training2 --subsets=training --subsets=evaluation2 --test-set-name=evaluation2 "
                      "--num-aug=2 --seed=4294967295"},
        RecordedBuild{"no-solutions",
                      {"training", "evaluation"},
                      "--subsets training evaluation --test-set-name evaluation --num-aug 2 --seed 0"},
        RecordedBuild{"repeated-subset",
                      {"concept"},
                      "--subsets concept concept --test-set-name concept --num-aug 20 --seed 9 "
                      "--puzzle-identifiers-start 0"}),
    [](const auto& build) {
      std::string name = build.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

// --- Containers

struct Rows {
  std::vector<int32_t> inputs, labels, identifiers;
};

Rows read_split(const fs::path& path, const std::string& name) {
  const Split split = open_split(path, name);
  const PuzzleSet& set = *split.sets.at(0).set;
  std::vector<int64_t> all(set.num_examples());
  std::iota(all.begin(), all.end(), 0);
  Rows rows{std::vector<int32_t>(all.size() * kArcSeqLen), std::vector<int32_t>(all.size() * kArcSeqLen),
            set.puzzle_identifiers};
  set.read_rows(all, rows.inputs.data(), rows.labels.data());
  return rows;
}

TEST_F(ArcBuild, AllContainersHoldTheSameRows) {
  unpack({"concept", "evaluation2"});
  const std::string common =
      "--input-file-prefix arc-agi --subsets concept evaluation2 --test-set-name evaluation2 --num-aug 4 ";
  const std::vector<std::string> outputs = {"npy", "h5", "lazy", "deeper/rows.h5"};
  for (const std::string& output : outputs) {
    const std::string format = output == "deeper/rows.h5" ? "h5" : output;
    ASSERT_EQ(build(common + "--output-dir " + output + " --format " + format).exit_code, 0) << output;
  }
  EXPECT_TRUE(fs::is_regular_file(folder_ / "h5" / "dataset.h5"));
  EXPECT_TRUE(fs::is_regular_file(folder_ / "deeper/rows.h5"));
  EXPECT_LT(fs::file_size(folder_ / "lazy" / "dataset.h5"), fs::file_size(folder_ / "h5" / "dataset.h5"));
  for (const char* split : {"train", "test"}) {
    const Rows expected = read_split(folder_ / "npy", split);
    for (const std::string& output : outputs) {
      const Rows found = read_split(folder_ / output, split);
      EXPECT_EQ(found.identifiers, expected.identifiers) << output;
      EXPECT_TRUE(found.inputs == expected.inputs && found.labels == expected.labels) << output << " " << split;
    }
  }
  for (const std::string& output : outputs) {
    EXPECT_EQ(read_identifiers_json(folder_ / output), read_identifiers_json(folder_ / "npy"));
    EXPECT_EQ(read_test_puzzles_json(folder_ / output), read_test_puzzles_json(folder_ / "npy"));
  }
}

// --- What a person sees

TEST_F(ArcBuild, PrintsCountsAndProgress) {
  unpack({"concept"});
  const ProcessResult result =
      build("--input-file-prefix arc-agi --subsets concept --test-set-name concept --num-aug 3 --output-dir out");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("train: 160 groups, 640 puzzles, "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("test: 160 groups, 640 puzzles, 1920 examples\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("puzzle identifiers: 641 (including <blank>)\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find(" of 480\n"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("Plan concept: 160/160 puzzles"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("Write: "), std::string::npos) << result.err;
}

TEST_F(ArcBuild, WarnsOfMissingSolutionsAndMissingTestSplit) {
  unpack({"concept"});
  fs::remove(folder_ / "arc-agi_concept_solutions.json");
  const ProcessResult result =
      build("--input-file-prefix arc-agi --subsets concept --test-set-name other --num-aug 0 --output-dir out");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find("warning: arc-agi_concept_solutions.json not found, missing outputs are filled with the "
                            "dummy [[0]]\n"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("warning: no test split: none of the subsets is the test set other\n"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "out/test"));
}

TEST_F(ArcBuild, HelpAndVersionArePinned) {
  EXPECT_EQ(build("--help").out, read_file(TERN_TEST_REFERENCE "/arc/help.txt"));
  const ProcessResult version = build("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.substr(0, 10), "arc_build ");
}

// Two puzzles; the second one's test pair is the first one's training pair, turned and recoloured.
const std::string kOverlappingPuzzles =
    R"({"a": {"train": [{"input": [[1, 2, 0]], "output": [[2]]}], "test": [{"input": [[4, 4, 4]], "output": [[4]]}]},
        "b": {"train": [{"input": [[1, 1]], "output": [[1]]}], "test": [{"input": [[7], [5], [0]], "output": [[5]]}]}})";
const std::string kSmallOptions = "--input-file-prefix arc --subsets s --test-set-name s --num-aug 2 --output-dir out ";

TEST_F(ArcBuild, ReportsOverlapsOrFails) {
  put("arc_s_challenges.json", kOverlappingPuzzles);
  expect_refused(kSmallOptions + "--on-overlap fail", 3,
                 "1 held-out pairs also occur in train, first: puzzle b, test pair 1 equals puzzle a, train pair 1 "
                 "after a symmetry and recolouring, remove the puzzles, or use --on-overlap report");
  const ProcessResult result = build(kSmallOptions);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("held-out test pairs that also occur in train after a symmetry and recolouring: 1 of 2\n"
                            "  puzzle b, test pair 1 = puzzle a, train pair 1\n"),
            std::string::npos)
      << result.out;
}

// --- Bad input

TEST_F(ArcBuild, RefusesBadUsage) {
  put("arc_s_challenges.json", kOverlappingPuzzles);
  const std::string see = ", see arc_build --help";
  const std::string range = ", give a value in this range";
  expect_refused("--subsets s --test-set-name s --output-dir out", 2, "missing option, --input-file-prefix" + see);
  expect_refused(kSmallOptions + "--format zip", 2, "\"zip\" is none of npy, h5, lazy, --format" + see);
  expect_refused(kSmallOptions + "--on-overlap no", 2, "\"no\" is none of report, fail, --on-overlap" + see);
  expect_refused(kSmallOptions + "--seed 4294967296", 2, "4294967296 is outside 0 to 4294967295, --seed" + range);
  expect_refused(kSmallOptions + "--seed=-1", 2, "-1 is outside 0 to 4294967295, --seed" + range);
  expect_refused(kSmallOptions + "--num-aug=-1", 2, "-1 is outside 0 to 1000000, --num-aug" + range);
  expect_refused(kSmallOptions + "--threads=-2", 2, "-2 is outside 0 to 1024, --threads" + range);
  expect_refused(kSmallOptions + "surplus", 2, "unexpected argument, surplus" + see);
  EXPECT_EQ(build(kSmallOptions + "--num-aug many").exit_code, 2);
  EXPECT_EQ(build(kSmallOptions + "--num-augs 3").exit_code, 2);
  EXPECT_EQ(build("--subsets").exit_code, 2);
}

TEST_F(ArcBuild, RefusesBadPuzzles) {
  expect_refused(kSmallOptions, 3,
                 "subset s not found, arc_s_challenges.json, check --input-file-prefix and --subsets");
  put("arc_s_challenges.json", "{\"a\": ");
  EXPECT_EQ(build(kSmallOptions).exit_code, 3);
  put("arc_s_challenges.json", "{}");
  expect_refused(kSmallOptions, 3, "no puzzles in the subsets, arc");
  put("arc_s_challenges.json", R"({"a": {"train": [], "test": [{"input": [[1]]}]}})");
  expect_refused(kSmallOptions, 3, "puzzle has no pairs for the train split, arc_s_challenges.json, puzzle a");
  put("arc_s_challenges.json", R"({"a": {"test": [], "train": [{"input": [[1]], "output": [[1]]}]}})");
  expect_refused(kSmallOptions, 3, "puzzle has no pairs for the test split, arc_s_challenges.json, puzzle a");
  put("arc_s_challenges.json", R"({"a": {"train": [{"input": [[1, 2], [3]], "output": [[1]]}], "test": []}})");
  expect_refused(kSmallOptions, 3, "grid is not rectangular, arc_s_challenges.json, puzzle a, train pair 1 input");
  put("arc_s_challenges.json", kOverlappingPuzzles);
  put("arc_s_solutions.json", R"({"a": [[[1]]]})");
  expect_refused(kSmallOptions, 3,
                 "no solution for this puzzle, arc_s_solutions.json, puzzle b, complete the file or remove it");
}

TEST_F(ArcBuild, RefusesAnOccupiedOrUnwritableOutput) {
  put("arc_s_challenges.json", kOverlappingPuzzles);
  fs::create_directory(folder_ / "out");
  put("out/mine", "x");
  expect_refused(kSmallOptions, 3,
                 "output folder is not empty, " + (folder_ / "out").string() + ", --force replaces it");
  expect_refused(kSmallOptions + "--output-dir out/mine/below", 3,
                 "output can't be written: Not a directory, " + (folder_ / "out/mine/below").string() +
                     ", choose another --output-dir");
  expect_refused(
      "--input-file-prefix out/arc --subsets s --test-set-name s --output-dir out --force", 3,
      "output folder contains the input files, " + (folder_ / "out").string() + ", choose another --output-dir");
  EXPECT_EQ(build(kSmallOptions + "--force").exit_code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "out/mine"));
  EXPECT_TRUE(fs::exists(folder_ / "out/train/dataset.json"));
}

// A bad build must not cost the good dataset that --force would replace.
TEST_F(ArcBuild, ForceKeepsTheOldDatasetWhenTheBuildFails) {
  put("arc_s_challenges.json", kOverlappingPuzzles);
  ASSERT_EQ(build(kSmallOptions).exit_code, 0);
  const std::string before = read_file(folder_ / "out/train/all__inputs.npy");
  EXPECT_EQ(build(kSmallOptions + "--force --on-overlap fail").exit_code, 3);
  EXPECT_EQ(read_file(folder_ / "out/train/all__inputs.npy"), before);
}

TEST_F(ArcBuild, SaysThatTheDiskIsFullAndLeavesNothing) {
  unpack({"concept"});
  for (const char* format : {"npy", "h5", "lazy"}) {
    const std::vector<std::string> before = entries();
    const ProcessResult result = build(std::string("--input-file-prefix arc-agi --subsets concept --test-set-name "
                                                   "concept --num-aug 20 --output-dir out --format ") +
                                           format,
                                       30000);
    EXPECT_EQ(result.exit_code, 3) << format << "\n" << result.err;
    EXPECT_NE(last_line(result.err).find("File too large"), std::string::npos) << format << "\n" << result.err;
    EXPECT_EQ(entries(), before) << format;
  }
}

TEST_F(ArcBuild, StopsOnSignalsAndLeavesNothing) {
  unpack({"concept"});
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::vector<std::string> before = entries();
    Process process(command("--input-file-prefix arc-agi --subsets concept --test-set-name "
                            "concept --num-aug 1000 --output-dir out --format h5 --threads 1"),
                    {folder_.path(), std::nullopt});
    while (!fs::exists(folder_ / "out.partial/dataset.h5")) std::this_thread::yield();
    process.send_signal(signal);
    const ProcessResult result = process.wait();
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_EQ(last_line(result.err), "stopped by a signal, nothing was written");
    EXPECT_EQ(entries(), before);
  }
}

// After kill -9 the next build clears the rest.
TEST_F(ArcBuild, BuildsAfterAKilledBuild) {
  unpack({"concept"});
  const std::string options = "--input-file-prefix arc-agi --subsets concept --test-set-name concept --output-dir out ";
  Process process(command(options + "--num-aug 1000 --threads 1"), {folder_.path(), std::nullopt});
  while (!fs::exists(folder_ / "out.partial/train")) std::this_thread::yield();
  process.send_signal(SIGKILL);
  (void)process.wait();
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  EXPECT_EQ(build(options + "--num-aug 0").exit_code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
}

}  // namespace
}  // namespace tern::puzzles
