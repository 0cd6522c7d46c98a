// trm_eval: what a model, or its recorded predictions, are worth on a test set, and the submission they make.
#include <cmath>
#include <cstdio>
#include <cxxopts.hpp>
#include <filesystem>

#include "apps/command_line.h"
#include "apps/evaluate_checkpoint.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/file.h"
#include "base/version.h"
#include "data/puzzles/python_json.h"
#include "data/puzzles/score_predictions.h"
#include "engine/train/stop_signal.h"

namespace {

using namespace tern;

constexpr const char* kUsage =
    "--checkpoint PATH --out DIR [--data DIR] [options] [key=value ...]\n"
    "  trm_eval --predictions FILE.npz --data DIR --out DIR [options]";

cxxopts::Options make_options() {
  cxxopts::Options options("trm_eval",
                           "Evaluates a trained model, or scores recorded predictions, on a test split: prints the "
                           "metrics and ARC's pass@K as JSON and writes submission.json.");
  options.custom_help(kUsage);
  options.set_width(100);
  cxxopts::OptionAdder add = options.add_options();
  add("checkpoint",
      "Model: a step_N folder, a run folder (its newest checkpoint), a .safetensors file, or a file of torch.save; its "
      "configuration comes from the folder, else from key=value arguments such as arch.L_cycles=4",
      cxxopts::value<std::string>());
  add("raw", "Take the raw weights; without this the averaged ones (EMA) where there are any");
  add("batch-size", "Examples at a time; without this the checkpoint's global_batch_size", cxxopts::value<int64_t>());
  add("predictions",
      "Recorded predictions: an .npz with inputs, preds, puzzle_identifiers and q_halt_logits, one row per augmented "
      "test input",
      cxxopts::value<std::string>());
  add("data", "Dataset whose test split is evaluated; without this the checkpoint's own",
      cxxopts::value<std::string>());
  add("out", "Folder for submission.json, made if missing", cxxopts::value<std::string>());
  add("pass-k", "Numbers of attempts K to score, comma-separated",
      cxxopts::value<std::vector<int64_t>>()->default_value("1,2,5,10,100,1000"));
  add("submission-k", "Attempts per test input in submission.json", cxxopts::value<int64_t>()->default_value("2"));
  add("device", "cpu, cuda or auto", cxxopts::value<std::string>());
  add("h,help", "Print this help");
  add("version", "Print the version");
  return options;
}

std::string required(const cxxopts::ParseResult& arguments, const std::string& name) {
  if (arguments.count(name) != 0) return arguments[name].as<std::string>();
  throw Error(ErrorKind::usage, "--" + name + " is missing", "", "see trm_eval --help");
}

// One line on stdout. JSON has no NaN (weights that are NaN): null.
void print_json(const std::vector<std::pair<std::string, double>>& scores) {
  std::string line;
  for (const auto& [name, score] : scores) {
    line += (line.empty() ? "" : ", ") + puzzles::quote_python_json(name) + ": " +
            (std::isfinite(score) ? puzzles::python_float_repr(score) : "null");
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
  const puzzles::ArcScores scores = puzzles::score_predictions(predictions, data, options);
  for (const std::string& puzzle : scores.unanswered) {
    std::fprintf(stderr, "warning: puzzle %s has no predictions\n", puzzle.c_str());
  }
  std::error_code failure;
  std::filesystem::create_directories(out, failure);
  if (failure) throw Error(ErrorKind::data, "can't make the output folder: " + failure.message(), out.string());
  write_file_atomically(out / "submission.json", scores.submission_json);
  print_json(scores.scores);
  return 0;
}

int evaluate_model(const cxxopts::ParseResult& arguments) {
  CheckpointEvaluation request;
  request.checkpoint = required(arguments, "checkpoint");
  request.out = required(arguments, "out");
  if (arguments.count("raw") > 0) request.weights = WeightSet::raw;
  if (arguments.count("data") > 0) request.data = arguments["data"].as<std::string>();
  if (arguments.count("batch-size") > 0) request.batch_size = arguments["batch-size"].as<int64_t>();
  if (arguments.count("pass-k") > 0) request.pass_ks = arguments["pass-k"].as<std::vector<int64_t>>();
  if (arguments.count("submission-k") > 0) request.submission_k = arguments["submission-k"].as<int64_t>();
  request.overrides = arguments.unmatched();
  refuse_flags(request.overrides);
  if (arguments.count("device") > 0) request.overrides.push_back("device=" + arguments["device"].as<std::string>());
  install_stop_signals("stopping: nothing is written");
  const EvalResult result = evaluate_checkpoint(request);
  if (result.stopped) return stop_exit_code(stop_signal());
  print_json(result.metrics);
  return 0;
}

// What only one of the two uses takes.
void refuse_mixture(const cxxopts::ParseResult& arguments) {
  if (arguments.count("checkpoint") > 0 && arguments.count("predictions") > 0) {
    throw Error(ErrorKind::usage, "--checkpoint and --predictions exclude each other", "", "give one of them");
  }
  if (arguments.count("predictions") == 0) return;
  for (const char* flag : {"raw", "batch-size", "device"}) {
    if (arguments.count(flag) > 0) {
      throw Error(ErrorKind::usage, std::string("--") + flag + " has no meaning with --predictions", "",
                  "leave it out");
    }
  }
  if (!arguments.unmatched().empty()) {
    throw Error(ErrorKind::usage, "unexpected argument '" + arguments.unmatched().front() + "'", "",
                "see trm_eval --help");
  }
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
    refuse_mixture(arguments);
    if (arguments.count("predictions") > 0) return score_recorded(arguments);
    if (arguments.count("checkpoint") > 0) return evaluate_model(arguments);
    throw Error(ErrorKind::usage, "neither --checkpoint nor --predictions is given", "", "see trm_eval --help");
  } catch (const cxxopts::exceptions::exception& e) {
    throw Error(ErrorKind::usage, e.what(), "", "see trm_eval --help");
  }
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
