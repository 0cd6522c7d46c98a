#include "tests/apps/gpt_run.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/text/tokenizer.h"

namespace tern::test {

GptRun::GptRun() {
  std::filesystem::create_directories(folder_ / "tokenizer");
  std::vector<std::string> bytes;
  for (int i = 0; i < 256; ++i) bytes.emplace_back(1, static_cast<char>(i));
  text::Tokenizer(bytes).write(folder_ / "tokenizer/ranks.tiktoken");
  std::ofstream file(folder_ / "text.jsonl");
  for (int i = 0; i < 80; ++i) file << R"({"text": "a rose is a rose is a rose )" << i << "\"}\n";
}

ProcessResult GptRun::start(const std::string& program, const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {"/usr/bin/env", "TERN_BASE_DIR=" + folder_.path().string(),
                                      std::string(TERN_BIN) + "/" + program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_process(command);
}

ProcessResult GptRun::train(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = {"--data=" + (folder_ / "text.jsonl").string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return train_on_shards(arguments);
}

ProcessResult GptRun::train_on_shards(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = {"--depth=3",        "--aspect-ratio=8",      "--head-dim=12",
                                        "--max-seq-len=32", "--device-batch-size=2", "--total-batch-size=128",
                                        "--eval-tokens=64", "--sample-every=-1",     "gpt.forward_dtype=float32",
                                        "--threads=1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return start("gpt_train", arguments);
}

void GptRun::grow_tokenizer(int tokens) const {
  std::vector<std::string> all;
  for (int i = 0; i < 256; ++i) all.emplace_back(1, static_cast<char>(i));
  for (int i = 0; i < tokens; ++i) all.push_back("a" + std::string(1, static_cast<char>('a' + i)));
  text::Tokenizer(all).write(folder_ / "tokenizer/ranks.tiktoken");
}

std::map<int64_t, double> GptRun::losses(const std::string& tag) const {
  std::map<int64_t, double> result;
  std::ifstream file(folder_ / "models" / tag / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.at("kind") == "step") result[json.at("step").get<int64_t>()] = json.at("loss").get<double>();
  }
  return result;
}

double GptRun::last_metric(const std::string& tag, const std::string& name) const {
  double value = std::nan("");
  std::ifstream file(folder_ / "models" / tag / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.at("metrics").contains(name)) value = json.at("metrics").at(name).get<double>();
  }
  return value;
}

void GptRun::expect_error(const ProcessResult& result, int exit_code, const std::string& begin) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  const size_t line = result.err.rfind("error: ");
  ASSERT_NE(line, std::string::npos) << result.err;
  EXPECT_EQ(result.err.substr(line + 7, begin.size()), begin);
  EXPECT_EQ(result.err.find('\n', line), result.err.size() - 1) << "more than one line: " << result.err;
}

}  // namespace tern::test
