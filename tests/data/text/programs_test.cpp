// gpt_data, tok_train and tok_eval as users run them: output, exit codes, files.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "base/version.h"
#include "data/text/rank_file.h"
#include "data/text/shard_set.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::text {
namespace {

namespace fs = std::filesystem;
using test::ProcessResult;

const fs::path kReference = fs::path(TERN_TEST_REFERENCE) / "tokenizer";

// Programs run in a folder of their own, which is also the base folder.
class TextPrograms : public testing::Test {
 protected:
  TextPrograms() {
    ::setenv("TERN_BASE_DIR", folder_.path().c_str(), 1);
    ::unsetenv("NANOCHAT_BASE_DIR");
  }

  ProcessResult run(const std::string& program, std::vector<std::string> arguments, test::ProcessOptions options = {}) {
    arguments.insert(arguments.begin(), std::string(TERN_BIN) + "/" + program);
    options.folder = folder_.path();
    return test::run_process(arguments, options);
  }

  void succeed(const std::string& program, const std::vector<std::string>& arguments, const std::string& output) {
    const ProcessResult result = run(program, arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find(output), std::string::npos) << result.out << "\nlacks: " << output;
  }

  void fail(const std::string& program, const std::vector<std::string>& arguments, int code,
            const std::string& message) {
    const ProcessResult result = run(program, arguments);
    EXPECT_EQ(result.exit_code, code) << result.err;
    const size_t line = result.err.rfind("error: ");
    ASSERT_NE(line, std::string::npos) << result.err;
    EXPECT_NE(result.err.find(message, line), std::string::npos) << result.err << "\nlacks: " << message;
    EXPECT_EQ(result.err.find('\n', line), result.err.size() - 1) << "more than one line: " << result.err;
  }

  void write(const std::string& name, const std::string& content) { write_file_atomically(folder_ / name, content); }

  void write_lines(const std::string& name, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "Line " + std::to_string(i) + " of a text about nothing.\n";
    write(name, text);
  }

  test::TempFolder folder_;
};

TEST_F(TextPrograms, HelpAndVersionArePinned) {
  for (const std::string program : {"gpt_data", "tok_train", "tok_eval"}) {
    const ProcessResult help = run(program, {"--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.out, read_file(fs::path(TERN_SOURCE_DIR) / "tests/data/text/help" / (program + ".txt"))) << program;
    EXPECT_EQ(run(program, {"--version"}).out, program + " " + TERN_VERSION + "\n");
    fail(program, {"--bogus"}, 2, "see " + program + " --help");
  }
}

TEST_F(TextPrograms, FromTextToATokenizerAndBack) {
  const std::string bible = kReference / "kjv.jsonl.gz";
  succeed("gpt_data", {bible}, "base_data: 2 shards, 1130 training and 59 validation documents, 4.4 MB of text\n");
  succeed("gpt_data", {"info"}, "shard_00001.parquet: 1 row groups, 59 documents, 168149 bytes of text, ");
  succeed("gpt_data", {"export", "back.jsonl"}, "back.jsonl: 1189 documents\n");
  succeed("gpt_data", {"back.jsonl", "--out", "again"}, "again: 2 shards, ");
  EXPECT_EQ(read_file(folder_ / "base_data" / "shard_00000.parquet"), read_file(folder_ / "again/shard_00000.parquet"));
  succeed("gpt_data", {"export", "val.jsonl.zst", "--part", "val"}, "val.jsonl.zst: 59 documents\n");

  succeed("tok_train", {"--vocab-size", "1000", "--threads", "2"},
          "ranks.tiktoken: vocabulary 1000 (9 special) from 1130 documents");
  EXPECT_EQ(read_ranks(folder_ / "tokenizer/ranks.tiktoken").size(), 991U);
  succeed("tok_eval", {}, "validation       168207 ");
  write("one.txt", "In the beginning God created the heaven and the earth.\n");
  const ProcessResult result = run("tok_eval", {"one.txt", "--compare", (kReference / "ranks.tiktoken").string(),
                                                "--compare", "gpt4=" + (kReference / "ranks.tiktoken").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("ranks.tiktoken (991 ranks)\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("one.txt           55 "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("ranks.tiktoken (2039 ranks)\n"), std::string::npos) << result.out;

  const std::string report = read_file(folder_ / "report/report.md");
  EXPECT_LT(report.find("## Tokenizer training\n"), report.find("## Tokenizer evaluation\n"));
  EXPECT_NE(report.find("- max_chars: 2,000,000,000\n- doc_cap: 10,000\n- vocab_size: 1000\n- train_time: "),
            std::string::npos)
      << report;
  EXPECT_NE(report.find("- num_special_tokens: 9\n- token_bytes_min: 1\n- token_bytes_max: "), std::string::npos);
  EXPECT_NE(report.find("| one.txt | 55 | "), std::string::npos) << report;
  EXPECT_NE(report.find("ranks.tiktoken (2039 ranks)\n\n| Text | Bytes | Its tokens "), std::string::npos) << report;
}

TEST_F(TextPrograms, TheTokenizerOfAllTheBibleIsRustbpes) {
  succeed("tok_train",
          {(kReference / "kjv.jsonl.gz").string(), "--vocab-size=2048", "--doc-cap=100000", "--out", "ranks.tiktoken"},
          "vocabulary 2048 (9 special) from 1189 documents");
  EXPECT_EQ(read_file(folder_ / "ranks.tiktoken"), read_file(kReference / "ranks.tiktoken"));
}

TEST_F(TextPrograms, APlainTextFileIsEnough) {
  write_lines("t.txt", 100);
  succeed("tok_train", {"--data", "t.txt", "--vocab-size", "265"}, "vocabulary 265 (9 special) from 95 documents");
  const ProcessResult small = run("tok_train", {"--data", "t.txt"});
  EXPECT_EQ(small.exit_code, 0);
  EXPECT_NE(small.err.find("warning: the text has no more pairs to merge"), std::string::npos) << small.err;
  succeed("tok_eval", {"--data", "t.txt"}, "train ");
  succeed("gpt_data", {"t.txt", "--split", "line", "--out", "set"}, "set: 2 shards, 95 training and 5 validation");
  succeed("gpt_data", {"export", "files", "--data", "set", "--part", "val"}, "files: 5 documents");
  EXPECT_EQ(read_file(folder_ / "files" / "00000004.txt"), "Line 99 of a text about nothing.");
}

TEST_F(TextPrograms, UsageErrorsExitWithTwo) {
  fail("gpt_data", {}, 2, "no input, ");
  fail("gpt_data", {"export"}, 2, "export needs one output");
  fail("gpt_data", {"info", "x"}, 2, "unexpected argument, x");
  fail("gpt_data", {"x.txt", "--split", "word"}, 2, "\"word\" is none of auto, file, paragraph, line, --split");
  fail("gpt_data", {"x.txt", "--row-group-size", "0"}, 2, "0 is outside 1 to 1000000, --row-group-size");
  fail("tok_train", {"--vocab-size", "264"}, 2, "264 is outside 265 to 2097152, --vocab-size");
  fail("tok_train", {"--vocab-size", "many"}, 2, "many");
  fail("tok_train", {"--threads", "-1"}, 2, "--threads");
}

TEST_F(TextPrograms, BadDataExitsWithThree) {
  fail("gpt_data", {"none.txt"}, 3, "no such file or folder, none.txt");
  fail("gpt_data", {"info"}, 3, "no folder of shards, ");
  fail("tok_train", {}, 3, "no folder of shards, ");
  fail("tok_train", {"none.txt"}, 3, "no such file or folder, none.txt");
  write("empty.txt", "");
  fail("tok_train", {"empty.txt"}, 3, "no documents, give text to train on");
  fail("tok_eval", {"--data", "x"}, 3, "no tokenizer, ");
  write("bad.txt", "one\n\ntw\xffo\n");
  fail("gpt_data", {"bad.txt"}, 3, "invalid UTF-8 at byte 7, bad.txt, ");
  succeed("gpt_data", {"bad.txt", "--replace-invalid", "--out", "replaced"}, "1 training and 1 validation");
  write("one.txt", "a single line");
  fail("gpt_data", {"one.txt"}, 3, "1 documents are too few, ");
  write("x.jsonl", "{\"text\": \"a\"}\n{\"body\": \"a\"}\n");
  fail("gpt_data", {"x.jsonl"}, 3, "no column \"text\", x.jsonl line 2, ");
  EXPECT_FALSE(fs::exists(folder_ / "base_data"));
  EXPECT_FALSE(fs::exists(folder_ / "base_data.partial"));

  write_lines("t.txt", 50);
  succeed("gpt_data", {"t.txt"}, "2 shards");
  fail("gpt_data", {"t.txt"}, 3, "output folder is not empty, ");
  succeed("gpt_data", {"t.txt", "--overwrite"}, "2 shards");
  fs::remove(folder_ / "base_data" / "shard_00001.parquet");
  fail("tok_train", {}, 3, "only one shard, so no validation shard, ");
  write("base_data/shard_00000.parquet", "");
  write("base_data/shard_00001.parquet", "");
  fail("tok_train", {}, 3, "shard is empty, ");

  fail("tok_train", {"t.txt", "--vocab-size", "300", "--out", "t.txt/ranks"}, 3, "can't create the folder: ");

  write("broken.tiktoken", "YWI= 0\n");
  fail("tok_eval", {"t.txt", "--tokenizer", "broken.tiktoken"}, 3, "no token for the single byte 0, broken.tiktoken");
}

TEST_F(TextPrograms, AFullDiskLeavesNothingHalfWritten) {
  const std::string bible = kReference / "kjv.jsonl.gz";
  const ProcessResult build = run("gpt_data", {bible}, {.folder = {}, .max_file_bytes = 100'000});
  EXPECT_EQ(build.exit_code, 3) << build.err;
  EXPECT_NE(build.err.find("error: write failed: "), std::string::npos) << build.err;
  EXPECT_TRUE(fs::is_empty(folder_.path()));

  succeed("gpt_data", {bible}, "2 shards");
  for (const std::string out : {"x.jsonl", "x.jsonl.gz", "x.txt.zst"}) {
    const ProcessResult result = run("gpt_data", {"export", out}, {.folder = {}, .max_file_bytes = 100'000});
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_NE(result.err.find("write failed: "), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(folder_ / out));
    EXPECT_FALSE(fs::exists(folder_ / (out + ".tmp")));
  }
}

TEST_F(TextPrograms, ASignalStopsTheBuildAndCleansUp) {
  // A pipe that nobody writes to would do, but files are all that is read: so a large file and an early signal.
  std::string line = "{\"text\": \"" + std::string(1000, 'x') + "\"}\n";
  std::string lines;
  for (int i = 0; i < 100'000; ++i) lines += line;
  write("big.jsonl", lines);
  test::ProcessOptions options;
  options.folder = folder_.path();
  test::Process process({std::string(TERN_BIN) + "/gpt_data", "big.jsonl"}, options);
  while (!fs::exists(folder_ / "base_data.partial")) ::usleep(1000);
  process.send_signal(SIGTERM);
  const ProcessResult result = process.wait();
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_NE(result.err.find("stopped by a signal, nothing was written"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(folder_ / "base_data"));
  EXPECT_FALSE(fs::exists(folder_ / "base_data.partial"));
}

}  // namespace
}  // namespace tern::text
