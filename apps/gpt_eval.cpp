// gpt_eval: evaluates a pretrained GPT as nanochat's base_eval does: samples, bits per byte, the CORE metric.
#include <fmt/format.h>

#include <optional>
#include <set>
#include <sstream>

#include "apps/gpt_core.h"
#include "apps/gpt_documents.h"
#include "apps/gpt_evaluation.h"
#include "apps/gpt_model.h"
#include "apps/program.h"
#include "base/error.h"
#include "base/file.h"
#include "data/text/base_dir.h"
#include "engine/distributed/process_group.h"
#include "engine/monitor/progress.h"
#include "engine/monitor/stage_report.h"

namespace {

using namespace tern;
namespace fs = std::filesystem;

const std::set<std::string> kModes = {"core", "bpb", "sample"};

cxxopts::Options make_options() {
  cxxopts::Options options("gpt_eval",
                           "Evaluates a trained GPT: samples, bits per byte on training and validation documents, and "
                           "the CORE metric of BASE/eval_bundle.\n"
                           "Several processes (tern_launch) share out the documents and the tasks' examples.\n"
                           "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("[options]");
  options.add_options()("eval", "What to evaluate, separated by commas: core, bpb, sample",
                        cxxopts::value<std::string>()->default_value("core,bpb,sample"))(
      "max-per-task", "Examples per task of CORE; -1: all", cxxopts::value<int64_t>()->default_value("-1"))(
      "device-batch-size", "Rows of a batch for bits per byte", cxxopts::value<int64_t>()->default_value("32"))(
      "split-tokens", "Tokens of each split for bits per byte",
      cxxopts::value<int64_t>()->default_value(std::to_string(40 * 524288)))(
      "data", "A text or JSONL file in place of the shards of BASE/base_data", cxxopts::value<std::string>());
  add_gpt_flags(options);
  return options;
}

std::set<std::string> read_modes(const cxxopts::ParseResult& flags) {
  std::set<std::string> modes;
  std::istringstream list(flags["eval"].as<std::string>());
  for (std::string mode; std::getline(list, mode, ',');) {
    mode.erase(0, mode.find_first_not_of(' '));
    mode.erase(mode.find_last_not_of(' ') + 1);
    if (!kModes.contains(mode)) {
      throw Error(ErrorKind::usage, "nothing to evaluate is called '" + mode + "'", "--eval",
                  "use core, bpb and sample, separated by commas");
    }
    modes.insert(mode);
  }
  if (modes.empty()) throw Error(ErrorKind::usage, "nothing to evaluate", "--eval", "use core, bpb or sample");
  return modes;
}

void title(const std::string& text) {
  fmt::print("{0:=<80}\n{1}\n{0:=<80}\n", "", text);
}

// Markdown shows text indented by four blanks as it is.
std::string quoted(const std::string& text) {
  std::string indented = "    ";
  for (const char c : text) {
    indented += c;
    if (c == '\n') indented += "    ";
  }
  return indented + "\n\n";
}

// What the sections of the report are made of.
struct Results {
  ReportFacts bpb;
  std::string samples;
};

void write_samples(const LoadedGpt& loaded, gpt::DecodeDtype decode_dtype, const text::Tokenizer& tokenizer,
                   Results& results) {
  title("Model samples");
  const auto tell = [&](const std::string& text) {
    fmt::print("{:-<80}\n{}\n", "", text);
    results.samples += quoted(text);
  };
  fmt::print("Conditioned samples:\n");
  gpt::GenerateOptions options;
  options.sampling.temperature = 0;
  options.decoder = gpt::make_decoder(loaded.model, decode_dtype);
  for (const std::string& prompt : sample_prompts()) tell(complete(loaded.model, tokenizer, prompt, options).at(0));
  fmt::print("\nUnconditioned samples:\n");
  options.sampling.temperature = 1;
  options.max_tokens = 128;
  options.num_samples = 8;
  for (const std::string& text : complete(loaded.model, tokenizer, "", options)) tell(text);
  fmt::print("\n");
}

void measure_bits(const cxxopts::ParseResult& flags, const LoadedGpt& loaded, gpt::DecodeDtype decode_dtype,
                  const text::Tokenizer& tokenizer, ProcessGroup& group, Results& results) {
  text::LoaderOptions reading;
  reading.batch_size = flag_in_range(flags, "device-batch-size", 1, 1 << 20);
  reading.seq_len = loaded.model.config().sequence_len;
  reading.packing = loaded.packing;
  reading.rank = group.rank();
  reading.world_size = group.world_size();
  const int64_t at_once = reading.batch_size * reading.seq_len * group.world_size();
  const int64_t wanted = flag_in_range(flags, "split-tokens", 1, INT64_MAX);
  const int64_t batches = std::max<int64_t>(1, wanted / at_once);
  const bool tells = group.leads();
  if (tells) title("Bits per byte");
  if (tells && batches * at_once != wanted) {
    fmt::print("split-tokens is taken as {}, a multiple of {}\n", batches * at_once, at_once);
  }
  const std::optional<std::string> file =
      flags.count("data") > 0 ? std::optional(flags["data"].as<std::string>()) : std::nullopt;
  const auto open = document_opener(file);
  const auto measure = [&](const gpt::Gpt& model, text::Split split, const std::string& name) {
    text::PackingLoader loader(open(split), tokenizer, reading);
    ProgressBar bar({.label = name, .total = batches, .unit = "batches", .quiet = !tells});
    const gpt::BitsPerByte own = bits_per_byte(model, loader, batches, tokenizer, [&] { bar.add(1); });
    bar.finish();
    const double bpb = sum_over_ranks(own, group).value();
    results.bpb.emplace_back(name + " bpb", bpb);
    return bpb;
  };
  // What generation computes with.
  std::optional<gpt::Gpt> narrowed;
  if (decode_dtype != gpt::DecodeDtype::forward) narrowed.emplace(gpt::with_decode_weights(loaded.model, decode_dtype));
  for (const auto& [name, split] : {std::pair("train", text::Split::train), {"val", text::Split::validation}}) {
    const double bpb = measure(loaded.model, split, name);
    if (tells) fmt::print("{} bpb: {:.6f}\n", name, bpb);
    if (!narrowed) continue;
    const auto type = flags["decode-dtype"].as<std::string>();
    const double narrow = measure(*narrowed, split, fmt::format("{} {}", name, type));
    if (tells) fmt::print("{} bpb with {} matrices: {:.6f} ({:+.6f})\n", name, type, narrow, narrow - bpb);
  }
  if (tells) fmt::print("\n");
}

ReportSection measure_core(const cxxopts::ParseResult& flags, const LoadedGpt& loaded, const text::Tokenizer& tokenizer,
                           const fs::path& base, ProcessGroup& group) {
  const int64_t max_per_task = flag_in_range(flags, "max-per-task", -1, INT64_MAX);
  const auto tasks = text::read_core_bundle(base / "eval_bundle", max_per_task);
  ReportSection section{"Base model evaluation", {}};
  section.facts.resize(2);
  if (group.leads()) title("CORE");
  const auto on_task = [&](const CoreTaskResult& task) {
    section.facts[1].emplace_back(task.label, task.centered);
    if (!group.leads()) return;
    fmt::print("{}: accuracy {:.4f}, centered {:.4f}\n", task.label, task.accuracy, task.centered);
    std::fflush(stdout);
  };
  const CoreResult core = evaluate_core(loaded.model, tokenizer, tasks, on_task, &group);
  section.facts[0] = {{"Model", fmt::format("base_model (step {})", loaded.step)}, {"CORE metric", core.core_metric}};
  if (!group.leads()) return section;
  const fs::path table = base / "base_eval" / fmt::format("base_model_{:06}.csv", loaded.step);
  fs::create_directories(table.parent_path());
  write_file_atomically(table, core_csv(core));
  fmt::print("CORE metric: {:.4f}, written to {}\n", core.core_metric, table.string());
  return section;
}

void evaluate(const cxxopts::ParseResult& flags, std::set<std::string> modes, const GptChoice& choice,
              ProcessGroup& group) {
  const fs::path base = text::base_dir();
  const text::Tokenizer tokenizer = text::Tokenizer::read(text::tokenizer_path(base));
  const LoadedGpt loaded = load_gpt(base, choice, tokenizer);
  if (group.leads()) fmt::print("{}, step {}\n", loaded.source, loaded.step);
  if (flags.count("eval") == 0 && !fs::exists(base / "eval_bundle")) {
    if (group.leads()) {
      fmt::print(stderr, "no folder {}: the CORE metric is left out\n", (base / "eval_bundle").string());
    }
    modes.erase("core");
  }
  Results results;
  if (modes.contains("sample") && group.leads()) write_samples(loaded, choice.decode_dtype, tokenizer, results);
  if (modes.contains("bpb")) measure_bits(flags, loaded, choice.decode_dtype, tokenizer, group, results);
  if (group.leads() && (modes.contains("sample") || modes.contains("bpb"))) {
    write_report_section(base / "report", {"Base model loss", {results.bpb}, results.samples});
  }
  if (!modes.contains("core")) return;
  const ReportSection section = measure_core(flags, loaded, tokenizer, base, group);
  if (group.leads()) write_report_section(base / "report", section);
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "gpt_eval", argc, argv);
  if (!flags) return 0;
  const std::set<std::string> modes = read_modes(*flags);
  const ProcessEnvironment environment = read_process_environment();
  const GptChoice choice = read_gpt_flags(*flags, environment.local_rank);
  ProcessGroup group(environment, choice.device);
  return group.run([&] {
    evaluate(*flags, modes, choice, group);
    return 0;
  });
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
