// trm_eval: what a model's predictions on an ARC test set are worth, and the submission they make.
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>

#include "apps/program.h"
#include "base/error.h"
#include "base/file.h"
#include "base/version.h"
#include "data/puzzles/python_json.h"
#include "data/puzzles/score_predictions.h"

namespace {

using namespace tern;

cxxopts::Options make_options() {
  cxxopts::Options options("trm_eval",
                           "Scores predictions on ARC test puzzles by upstream's vote (pass@K) and writes "
                           "submission.json.");
  options.custom_help("--predictions FILE.npz --data DIR --out DIR [options]");
  cxxopts::OptionAdder add = options.add_options();
  add("predictions",
      "Recorded predictions: an .npz with inputs, preds, puzzle_identifiers and q_halt_logits, one row per augmented "
      "test input",
      cxxopts::value<std::string>());
  add("data", "Dataset that the predictions were made for", cxxopts::value<std::string>());
  add("out", "Folder for submission.json, made if missing", cxxopts::value<std::string>());
  add("pass-k", "Numbers of attempts K to score, comma-separated",
      cxxopts::value<std::vector<int64_t>>()->default_value("1,2,5,10,100,1000"));
  add("submission-k", "Attempts per test input in submission.json", cxxopts::value<int64_t>()->default_value("2"));
  add("h,help", "Print this help");
  add("version", "Print the version");
  return options;
}

std::string required(const cxxopts::ParseResult& arguments, const std::string& name) {
  if (arguments.count(name) != 0) return arguments[name].as<std::string>();
  throw Error(ErrorKind::usage, "--" + name + " is missing", "", "see trm_eval --help");
}

// Scores as one line of JSON on stdout, submission.json in the output folder, remarks on stderr.
void report(const puzzles::ArcScores& scores, const std::filesystem::path& out) {
  for (const std::string& puzzle : scores.unanswered) {
    std::fprintf(stderr, "warning: puzzle %s has no predictions\n", puzzle.c_str());
  }
  std::error_code failure;
  std::filesystem::create_directories(out, failure);
  if (failure) throw Error(ErrorKind::data, "can't make the output folder: " + failure.message(), out.string());
  write_file_atomically(out / "submission.json", scores.submission_json);
  std::string line;
  for (const auto& [name, score] : scores.scores) {
    line += (line.empty() ? "" : ", ") + puzzles::quote_python_json(name) + ": " + puzzles::python_float_repr(score);
  }
  std::printf("{%s}\n", line.c_str());
}

int score_recorded(const cxxopts::ParseResult& arguments) {
  const std::filesystem::path predictions = required(arguments, "predictions");
  const std::filesystem::path data = required(arguments, "data");
  const std::filesystem::path out = required(arguments, "out");
  puzzles::ArcVoteOptions options;
  options.pass_ks = arguments["pass-k"].as<std::vector<int64_t>>();
  options.submission_k = arguments["submission-k"].as<int64_t>();
  report(puzzles::score_predictions(predictions, data, options), out);
  return 0;
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  try {
    const cxxopts::ParseResult arguments = options.parse(argc, argv);
    if (arguments.count("help") != 0) {
      std::printf("%s", options.help().c_str());
      return 0;
    }
    if (arguments.count("version") != 0) {
      std::printf("trm_eval %s\n", TERN_VERSION);
      return 0;
    }
    if (!arguments.unmatched().empty()) {
      throw Error(ErrorKind::usage, "unexpected argument '" + arguments.unmatched().front() + "'", "",
                  "see trm_eval --help");
    }
    return score_recorded(arguments);
  } catch (const cxxopts::exceptions::exception& e) {
    throw Error(ErrorKind::usage, e.what(), "", "see trm_eval --help");
  }
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
