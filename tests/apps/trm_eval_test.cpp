// trm_eval --predictions as a user runs it.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/npz.h"
#include "tests/support/npz_writer.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace tern {
namespace {

namespace fs = std::filesystem;
const fs::path kReference = fs::path(TERN_TEST_REFERENCE) / "arc_eval";

class TrmEval : public testing::Test {
 protected:
  [[nodiscard]] test::ProcessResult eval(const fs::path& predictions, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {TERN_BIN "/trm_eval",   "--predictions", predictions,    "--data",
                                          kReference / "dataset", "--out",         folder_ / "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_process(arguments);
  }

  // The recorded arrays, some of them replaced.
  [[nodiscard]] fs::path with(const std::map<std::string, NpyArray>& replaced,
                              const std::vector<std::string>& removed = {}) const {
    NpzArrays arrays = read_npz(kReference / "predictions.npz");
    for (const auto& [name, array] : replaced) arrays.insert_or_assign(name, array);
    for (const std::string& name : removed) arrays.erase(name);
    const fs::path path = folder_ / "predictions.npz";
    test::write_npz(path, arrays);
    return path;
  }

  // A recorded array converted to another type.
  template <class T>
  [[nodiscard]] static NpyArray converted(const std::string& name) {
    const NpyArray array = read_npz(kReference / "predictions.npz").at(name);
    const std::vector<double> values = array.to_double();
    return test::make_array(std::vector<T>(values.begin(), values.end()), array.shape);
  }

  void expect_refused(const fs::path& predictions, const std::string& message) const {
    const test::ProcessResult result = eval(predictions);
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_TRUE(result.err.starts_with("error: ") && result.err.find('\n') == result.err.size() - 1) << result.err;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(fs::exists(folder_ / "out" / "submission.json"));
  }

  test::TempFolder folder_;
};

TEST_F(TrmEval, EqualsUpstreamsScoresAndSubmission) {
  const test::ProcessResult result = eval(kReference / "predictions.npz");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out), nlohmann::json::parse(read_file(kReference / "expected.json")));
  EXPECT_EQ(read_file(folder_ / "out" / "submission.json"), read_file(kReference / "submission.json"));
}

TEST_F(TrmEval, ElementTypesDoNotMatter) {
  const fs::path path = with({{"inputs", converted<int64_t>("inputs")},
                              {"preds", converted<int32_t>("preds")},
                              {"puzzle_identifiers", converted<uint16_t>("puzzle_identifiers")},
                              {"q_halt_logits", converted<double>("q_halt_logits")}});
  const test::ProcessResult result = eval(path);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(read_file(folder_ / "out" / "submission.json"), read_file(kReference / "submission.json"));
}

TEST_F(TrmEval, OptionsChooseKAndAttempts) {
  const test::ProcessResult result = eval(kReference / "predictions.npz", {"--pass-k", "2,1", "--submission-k", "3"});
  EXPECT_EQ(result.out, "{\"ARC/pass@2\": 0.7236111111111112, \"ARC/pass@1\": 0.5458333333333333}\n");
  const auto submission = nlohmann::json::parse(read_file(folder_ / "out" / "submission.json"));
  EXPECT_EQ(submission.begin().value()[0].size(), 3U);
}

TEST_F(TrmEval, PuzzlesWithoutPredictionsAreNamed) {
  const auto none = [](std::vector<int64_t> shape) {
    return test::make_array(std::vector<uint8_t>{}, std::move(shape));
  };
  const test::ProcessResult result = eval(with({{"inputs", none({0, 900})},
                                                {"preds", none({0, 900})},
                                                {"puzzle_identifiers", none({0})},
                                                {"q_halt_logits", none({0})}}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: puzzle 3a25b0d8 has no predictions\n"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(result.out)["ARC/pass@1"], 0.0);
}

TEST_F(TrmEval, RefusesBadArrays) {
  expect_refused(with({}, {"preds"}), "array 'preds' is missing");
  const auto zeros = [](std::vector<int64_t> shape) {
    return test::make_array(std::vector<uint8_t>(static_cast<size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1))),
                            shape);
  };
  expect_refused(with({{"inputs", zeros({687, 900})}}), "inputs.npy");
  expect_refused(with({{"inputs", zeros({687, 900})}}), "687 rows where puzzle_identifiers has 688");
  expect_refused(with({{"preds", zeros({688, 899})}}), "rows don't hold 900 values");
  expect_refused(with({{"q_halt_logits", zeros({3})}}), "3 rows where puzzle_identifiers has 688");
  expect_refused(with({{"preds", converted<float>("preds")}}), "element type '<f4' where integers are needed");
  expect_refused(with({{"puzzle_identifiers", test::make_array(std::vector<int32_t>(688, 4481), {688})}}),
                 "puzzle identifier 4481 is outside 0-4480");
  expect_refused(with({{"puzzle_identifiers", test::make_array(std::vector<int64_t>(688, int64_t{1} << 40), {688})}}),
                 "value 1099511627776 is no puzzle identifier");
  expect_refused(with({{"q_halt_logits", test::make_array(std::vector<float>(688, std::nanf("")), {688})}}),
                 "q_halt_logits of a prediction is NaN");
}

TEST_F(TrmEval, RefusesBadFiles) {
  expect_refused(folder_ / "none.npz", "No such file or directory");
  std::ofstream(folder_ / "text.npz") << "this is no archive";
  expect_refused(folder_ / "text.npz", "not an npz archive");
}

TEST_F(TrmEval, CommandLine) {
  const auto run = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TERN_BIN "/trm_eval");
    return test::run_process(arguments);
  };
  const test::ProcessResult help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* option : {"--checkpoint", "--raw", "--predictions", "--data", "--out", "--pass-k",
                             "1,2,5,10,100,1000", "--submission-k"}) {
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  }
  EXPECT_TRUE(run({"--version"}).out.starts_with("trm_eval "));
  EXPECT_EQ(run({}).err, "error: neither --checkpoint nor --predictions is given, see trm_eval --help\n");
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"--nonsense"}).exit_code, 2);
  EXPECT_EQ(run({"stray"}).exit_code, 2);
  EXPECT_EQ(eval(kReference / "predictions.npz", {"--pass-k", "0"}).exit_code, 2);
  EXPECT_EQ(eval(kReference / "predictions.npz", {"--submission-k", "x"}).exit_code, 2);
}

}  // namespace
}  // namespace tern
