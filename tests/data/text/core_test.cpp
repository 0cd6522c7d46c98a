// The CORE bundle against what nanochat's Python makes of it: tests/reference/core/record.py.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "data/text/core_bundle.h"
#include "data/text/core_prompts.h"
#include "data/text/python_random.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

namespace fs = std::filesystem;

const fs::path kReference = fs::path(TERN_TEST_REFERENCE) / "core";

TEST(PythonRandom, DrawsWhatPythonDraws) {
  PythonRandom random(1337);
  EXPECT_EQ(random.next(), 2653228291U);
  EXPECT_EQ(random.next(), 3975144315U);
  EXPECT_EQ(random.next(), 2290358181U);
  std::vector<int> items = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  PythonRandom(1337).shuffle(items);
  EXPECT_EQ(items, (std::vector<int>{0, 3, 7, 2, 1, 6, 4, 5, 8, 9}));
}

TEST(PythonRandom, SamplesWhatPythonSamples) {
  using Sample = std::vector<size_t>;
  EXPECT_EQ(PythonRandom(1234).sample(30, 5), (Sample{24, 14, 3, 0, 2}));
  EXPECT_EQ(PythonRandom(1240).sample(10, 10), (Sample{7, 5, 0, 3, 6, 2, 8, 9, 1, 4}));
  EXPECT_EQ(PythonRandom(99999999999).sample(100, 3), (Sample{11, 93, 78}));
  EXPECT_EQ(PythonRandom(5).sample(1000, 10), (Sample{637, 261, 759, 367, 814, 707, 965, 861, 757, 667}));
  EXPECT_EQ(PythonRandom(7).sample(22, 6), (Sample{10, 4, 12, 1, 2, 3}));
}

TEST(CoreBundle, ReadsTasksInOrder) {
  const std::vector<CoreTask> tasks = read_core_bundle(kReference / "bundle", -1);
  ASSERT_EQ(tasks.size(), 5U);
  EXPECT_EQ(tasks[0].label, "choice");
  EXPECT_EQ(tasks[0].num_fewshot, 3U);
  EXPECT_EQ(tasks[0].continuation_delimiter, "\nAnswer: ");
  EXPECT_EQ(tasks[1].continuation_delimiter, " ");
  EXPECT_EQ(tasks[0].random_baseline, 33.3);
  EXPECT_EQ(tasks[0].examples.size(), 14U);
  EXPECT_EQ(tasks[3].kind, CoreTaskKind::language_modeling);
  EXPECT_DOUBLE_EQ(tasks[2].centered(0.75), 0.5);
  EXPECT_DOUBLE_EQ(tasks[2].centered(0.5), 0);
  const auto fewer = read_core_bundle(kReference / "bundle", 11);
  EXPECT_EQ(fewer[0].examples.size(), 11U);
  EXPECT_EQ(fewer[0].examples[10].context, tasks[0].examples[10].context) << "the first of the shuffled ones";
}

TEST(CorePrompts, AreNanochats) {
  const auto expected = nlohmann::json::parse(read_file(kReference / "expected.json"));
  for (const CoreTask& task : read_core_bundle(kReference / "bundle", -1)) {
    EXPECT_EQ(core_prompts(task, 1), expected.at(task.label).at("prompts_of_1").get<std::vector<std::string>>())
        << task.label;
  }
}

Tokenizer byte_tokenizer() {
  std::vector<std::string> bytes;
  for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
  return Tokenizer(bytes);
}

TEST(CorePrompts, RowsScoreWhatDiffers) {
  Encoder encoder(byte_tokenizer());
  CoreTask task;
  task.examples = {{.context = "ab", .options = {"xy", "xzz"}, .continuation = "", .gold = 0}};
  std::vector<CoreRow> rows = core_rows(task, 0, encoder);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].first, 5U) << "<|bos|>, a, b, space, x";
  EXPECT_EQ(rows[0].last, 6U);
  EXPECT_EQ(rows[1].first, 5U);
  EXPECT_EQ(rows[1].last, 7U);

  task.kind = CoreTaskKind::schema;
  task.examples = {{.context = "", .options = {"p", "qrs"}, .continuation = "end", .gold = 1}};
  rows = core_rows(task, 0, encoder);
  EXPECT_EQ(rows[0].first, 2U) << "the delimiter is common, too";
  EXPECT_EQ(rows[0].last, 6U);
  EXPECT_EQ(rows[1].first, 4U);
  EXPECT_EQ(rows[1].last, 8U);

  task.kind = CoreTaskKind::language_modeling;
  task.examples = {{.context = " a ", .options = {}, .continuation = "bc", .gold = 0}};
  rows = core_rows(task, 0, encoder);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].first, 2U) << "white space before the continuation counts as its beginning";
  EXPECT_EQ(rows[0].last, 5U);
}

TEST(CorePrompts, StripsUnicodesWhiteSpace) {
  EXPECT_EQ(strip_white_space("\x1c\xc2\x85 a\xe2\x80\x83 b\xe3\x80\x80\n"), "a\xe2\x80\x83 b");
  EXPECT_EQ(strip_white_space(" \t"), "");
  EXPECT_EQ(strip_white_space("\xe2\x80\x8b"), "\xe2\x80\x8b") << "the zero-width space is none";
}

class BadBundle : public testing::Test {
 protected:
  BadBundle() {
    write("core.yaml", "icl_tasks: [{label: t, icl_task_type: schema, dataset_uri: t.jsonl, num_fewshot: [1]}]");
    write("eval_meta_data.csv", "Eval Task,Random baseline\nt,50\n");
    const std::string line = R"({"context_options": ["a", "b"], "continuation": "c", "gold": 1})";
    write("eval_data/t.jsonl", line + "\n" + line + "\n");
  }

  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
  }

  void expect_error(const std::string& text) const {
    try {
      (void)read_core_bundle(folder_.path(), -1);
      ADD_FAILURE() << "read; expected: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      std::string message = error.what();
      const std::string prefix = folder_.path().string() + "/";
      for (size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
        message.erase(at, prefix.size());
      }
      EXPECT_EQ(message.substr(0, text.size()), text);
    }
  }

  test::TempFolder folder_;
};

TEST_F(BadBundle, IsFineAsItIs) {
  EXPECT_EQ(read_core_bundle(folder_.path(), -1).size(), 1U);
}

TEST_F(BadBundle, ErrorsNameFileAndLine) {
  write("core.yaml", "icl_tasks: [{label: t, icl_task_type: essay, dataset_uri: t.jsonl, num_fewshot: [1]}]");
  expect_error("unknown task type 'essay', core.yaml task 1, known: multiple_choice, schema, language_modeling");
  write("core.yaml", "icl_tasks: [{label: t}]");
  expect_error("not a list of tasks: ");
  write("core.yaml", "tasks: 3");
  expect_error("no tasks under icl_tasks, core.yaml");
  write("core.yaml", "icl_tasks: [{label: t, icl_task_type: schema, dataset_uri: ../t.jsonl, num_fewshot: [1]}]");
  expect_error("dataset_uri ../t.jsonl leads out of the folder, core.yaml task 1");
}

TEST_F(BadBundle, ExamplesAreChecked) {
  write("eval_data/t.jsonl", R"({"context_options": ["a"], "continuation": "c", "gold": 1})");
  expect_error("gold is 1 of 1 options, eval_data/t.jsonl line 1");
  write("eval_data/t.jsonl", R"({"query": "a"})");
  expect_error("not an example of this task: ");
  write("eval_data/t.jsonl", R"({"context_options": ["a", "b"], "continuation": "c", "gold": -1})");
  expect_error("not an example of this task: ");
  write("eval_data/t.jsonl", "");
  expect_error("no examples, eval_data/t.jsonl");
  write("eval_data/t.jsonl", R"({"context_options": ["a"], "continuation": "c", "gold": 0})");
  expect_error("1 examples are too few for 1 before each question, eval_data/t.jsonl");
}

TEST_F(BadBundle, BaselinesAreChecked) {
  write("eval_meta_data.csv", "Eval Task,Random baseline\nu,50\n");
  expect_error("no random baseline of task t, eval_meta_data.csv");
  write("eval_meta_data.csv", "Eval Task,Random baseline\nt,half\n");
  expect_error("'half' is not a number, eval_meta_data.csv line 2");
  write("eval_meta_data.csv", "Eval Task,Random baseline\nt,nan\n");
  expect_error("'nan' is not a number, eval_meta_data.csv line 2");
  write("eval_meta_data.csv", "Eval Task,Baseline\nt,50\n");
  expect_error("no column 'Random baseline', eval_meta_data.csv");
  write("eval_meta_data.csv", "Eval Task,Random baseline\nt\n");
  expect_error("too few fields, eval_meta_data.csv line 2");
  write("eval_meta_data.csv", "Eval Task,Random baseline\nt,100\n");
  expect_error("guessing is always right in task t, core.yaml task 1");
}

// Nothing is scored that has nothing before it.
TEST(CorePrompts, EqualContextsAreScoredFromTheSecondToken) {
  Encoder encoder(byte_tokenizer());
  CoreTask task;
  task.kind = CoreTaskKind::schema;
  task.examples = {{.context = "", .options = {"x", "x"}, .continuation = "y", .gold = 0}};
  for (const CoreRow& row : core_rows(task, 0, encoder)) {
    EXPECT_EQ(row.first, 1U);
    EXPECT_EQ(row.last, 4U);  // <|bos|>, x, the delimiter, y
  }
}

}  // namespace
}  // namespace tern::text
