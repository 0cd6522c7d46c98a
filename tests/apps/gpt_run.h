// gpt_train and its companions as a user runs them, on a small text with one token per byte.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern::test {

// The folder is the base folder of every program started; it has text.jsonl and a tokenizer.
class GptRun : public testing::Test {
 protected:
  GptRun();

  // Any program of the build, with the base folder set.
  [[nodiscard]] ProcessResult start(const std::string& program, const std::vector<std::string>& arguments) const;

  // gpt_train of a small model, with more flags: on the text, or on the shards in the base folder.
  [[nodiscard]] ProcessResult train(const std::vector<std::string>& more) const;
  [[nodiscard]] ProcessResult train_on_shards(const std::vector<std::string>& more) const;

  // Replaces the tokenizer by one with so many more tokens.
  void grow_tokenizer(int tokens) const;

  // Loss by step, and the last value of an evaluation's metric, out of a model's metrics.jsonl.
  [[nodiscard]] std::map<int64_t, double> losses(const std::string& tag) const;
  [[nodiscard]] double last_metric(const std::string& tag, const std::string& name) const;

  // Expects one line of error that begins so, and the exit code.
  static void expect_error(const ProcessResult& result, int exit_code, const std::string& begin);

  TempFolder folder_;
};

}  // namespace tern::test
