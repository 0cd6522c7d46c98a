// arc_build: ARC puzzles in Kaggle's JSON layout -> an augmented dataset that trm_train reads.
#include <csignal>
#include <cstdio>
#include <optional>

#include "apps/flags.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/puzzles/arc_builder.h"
#include "engine/monitor/progress.h"

namespace {

using namespace tern;
using namespace tern::puzzles;

volatile std::sig_atomic_t stop_signal = 0;

void remember_signal(int signal) {
  stop_signal = signal;
}

// Signals ask the builder to stop and clean up; a file larger than the user's limit becomes an error like a full disk.
void install_signal_handlers() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
  std::signal(SIGXFSZ, SIG_IGN);
}

cxxopts::Options make_options() {
  cxxopts::Options options("arc_build", "Builds an ARC dataset: upstream's files, byte for byte, or one HDF5 file.");
  options.custom_help("--input-file-prefix P --output-dir DIR --subsets A B C --test-set-name B [options]");
  const auto text = [] { return cxxopts::value<std::string>(); };
  const auto integer = [](const char* value) { return cxxopts::value<int64_t>()->default_value(value); };
  auto add = options.add_options();
  add("input-file-prefix", "Puzzles are read from PREFIX_SUBSET_challenges.json and PREFIX_SUBSET_solutions.json",
      text());
  add("output-dir", "Folder to make; for h5 and lazy, a name that ends in .h5 is the file itself", text());
  add("subsets", "Subsets to read, in this order, e.g. training evaluation",
      cxxopts::value<std::vector<std::string>>());
  add("test-set-name", "Subset whose test pairs are held out", text());
  add("test-set-name2", "A second subset whose test pairs are held out", text()->default_value("your_test_set"));
  add("num-aug", "Augmentations per puzzle", integer("1000"));
  add("seed", "Seed of the random generator, 0 to 4294967295", integer("42"));
  add("puzzle-identifiers-start", "First puzzle identifier; above 1 leaves room for other datasets", integer("1"));
  add("format", "npy (upstream's files), h5 (one compressed file), lazy (base grids, rows are made when read)",
      text()->default_value("npy"));
  add("threads", "Threads, 0 for all cores", integer("0"));
  add("force", "Replace an output that is not empty");
  add("on-overlap", "report or fail when a held-out pair also occurs in train after a symmetry and recolouring",
      text()->default_value("report"));
  return options;
}

// cxxopts gives one value to an option; upstream's parser takes "--subsets A B C".
std::vector<std::string> repeat_list_options(int argc, char** argv) {
  std::vector<std::string> arguments;
  bool in_list = false;
  for (int i = 0; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool is_option = argument.starts_with("-");
    if (in_list && !is_option) {
      arguments.push_back("--subsets=" + argument);
    } else {
      in_list = argument == "--subsets";
      if (!in_list || i + 1 == argc) arguments.push_back(argument);
    }
  }
  return arguments;
}

[[noreturn]] void fail_usage(const std::string& what, const std::string& option) {
  throw Error(ErrorKind::usage, what, option, "see arc_build --help");
}

template <typename T>
T choose(const cxxopts::ParseResult& parsed, const std::string& option,
         const std::vector<std::pair<std::string, T>>& choices) {
  const auto given = parsed[option].as<std::string>();
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == given) return value;
    names += (names.empty() ? "" : ", ") + name;
  }
  fail_usage("\"" + given + "\" is none of " + names, "--" + option);
}

ArcBuildOptions read_options(const cxxopts::ParseResult& parsed) {
  for (const char* required : {"input-file-prefix", "output-dir", "subsets", "test-set-name"}) {
    if (parsed.count(required) == 0) fail_usage("missing option", std::string("--") + required);
  }
  ArcBuildOptions out;
  out.plan.input_file_prefix = parsed["input-file-prefix"].as<std::string>();
  out.plan.subsets = parsed["subsets"].as<std::vector<std::string>>();
  out.plan.test_set_name = parsed["test-set-name"].as<std::string>();
  out.plan.test_set_name2 = parsed["test-set-name2"].as<std::string>();
  out.plan.seed = static_cast<uint32_t>(flag_in_range(parsed, "seed", 0, UINT32_MAX));
  out.plan.num_aug = flag_in_range(parsed, "num-aug", 0, 1'000'000);
  out.plan.puzzle_identifiers_start = flag_in_range(parsed, "puzzle-identifiers-start", 0, 1'000'000'000);
  out.output = parsed["output-dir"].as<std::string>();
  if (out.output.empty()) fail_usage("empty name", "--output-dir");
  out.container =
      choose<Container>(parsed, "format", {{"npy", Container::npy}, {"h5", Container::h5}, {"lazy", Container::lazy}});
  out.threads = thread_count(parsed);
  out.force = parsed.count("force") > 0;
  out.fail_on_overlap = choose<bool>(parsed, "on-overlap", {{"report", false}, {"fail", true}});
  return out;
}

void print_summary(const BuildSummary& summary) {
  for (const SplitSummary& split : summary.splits) {
    std::printf("%s: %lld groups, %lld puzzles, %lld examples\n", split.name.c_str(),
                static_cast<long long>(split.groups), static_cast<long long>(split.puzzles),
                static_cast<long long>(split.examples));
  }
  std::printf("puzzle identifiers: %lld (including <blank>)\n", static_cast<long long>(summary.identifiers));
  if (summary.puzzles_short_of_augmentations > 0) {
    std::printf("puzzles with fewer distinct augmentations than asked for: %lld\n",
                static_cast<long long>(summary.puzzles_short_of_augmentations));
  }
  std::printf("held-out test pairs that also occur in train after a symmetry and recolouring: %zu of %lld\n",
              summary.overlaps.size(), static_cast<long long>(summary.num_test_pairs));
  for (const Overlap& overlap : summary.overlaps) {
    std::printf("  %s = %s\n", overlap.test.c_str(), overlap.train.c_str());
  }
  std::printf("%s: %.1f MB in %.2f s (planned in %.2f s, written in %.2f s at %.0f MB/s)\n", summary.output.c_str(),
              static_cast<double>(summary.bytes) / 1e6, summary.total_seconds, summary.plan_seconds,
              summary.write_seconds, static_cast<double>(summary.bytes) / 1e6 / summary.write_seconds);
}

// One bar after the other, one per stage of the build.
class StageProgress {
 public:
  void update(const BuildProgress& progress) {
    if (progress.stage != stage_) {
      finish();
      stage_ = progress.stage;
      bar_.emplace(ProgressOptions{.label = progress.stage, .total = progress.total, .unit = progress.unit});
    }
    bar_->update(progress.done);
  }

  void warn(const std::string& message) {
    if (bar_) bar_->hide();
    std::fprintf(stderr, "warning: %s\n", message.c_str());
  }

  void finish() {
    if (bar_) bar_->finish();
  }

 private:
  std::string stage_;
  std::optional<ProgressBar> bar_;
};

int run(int argc, char** argv) {
  std::vector<std::string> arguments = repeat_list_options(argc, argv);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  cxxopts::Options options = make_options();
  const auto parsed = parse_flags(options, "arc_build", static_cast<int>(pointers.size()), pointers.data());
  if (!parsed) return 0;
  const ArcBuildOptions build_options = read_options(*parsed);

  install_signal_handlers();
  StageProgress stages;
  BuildHooks hooks;
  hooks.stop_requested = [] { return stop_signal != 0; };
  hooks.warn = [&](const std::string& message) { stages.warn(message); };
  hooks.progress = [&](const BuildProgress& progress) { stages.update(progress); };
  try {
    const BuildSummary summary = build_arc_dataset(build_options, hooks);
    stages.finish();
    print_summary(summary);
    return 0;
  } catch (const BuildStopped&) {
    std::fputs("stopped by a signal, nothing was written\n", stderr);
    return 128 + stop_signal;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
