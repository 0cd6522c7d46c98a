// gpt_data: text and JSONL files -> shards in nanochat's layout, and back.
#include <fmt/format.h>

#include <csignal>

#include "apps/flags.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/text/base_dir.h"
#include "data/text/document_export.h"
#include "data/text/document_reader.h"
#include "data/text/shard_set.h"
#include "engine/monitor/progress.h"

namespace {

using namespace tern;
using namespace tern::text;
namespace fs = std::filesystem;

// Thrown between documents when a signal asks to stop; unwinding removes what is half written.
struct Stopped {};

volatile std::sig_atomic_t stop_signal = 0;

void remember_signal(int signal) {
  stop_signal = signal;
}

void stop_if_asked() {
  if (stop_signal != 0) throw Stopped();
}

cxxopts::Options make_options() {
  cxxopts::Options options("gpt_data",
                           "Makes shards of text: base_data/shard_00000.parquet and so on, the last one for "
                           "validation; and text of shards.\n"
                           "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("[build] INPUT... [options]\n  gpt_data export OUTPUT [options]\n  gpt_data info [options]");
  options.positional_help("");
  options.add_options("build")("out", "Folder of shards to make (default: BASE/base_data)",
                               cxxopts::value<std::string>())("overwrite", "Replace an output that is there already")(
      "split",
      "What a document of plain text is: file, paragraph (up to a blank line), line, or auto: one per file; of a "
      "single "
      "file its paragraphs, or its lines if it has no blank line",
      cxxopts::value<std::string>()->default_value("auto"))("column", "Field of a JSONL line that holds the document",
                                                            cxxopts::value<std::string>()->default_value("text"))(
      "val-docs", "Documents at the end that validate; 0: one in twenty, at most 8192",
      cxxopts::value<int64_t>()->default_value("0"))("row-group-size", "Documents of a row group",
                                                     cxxopts::value<int64_t>()->default_value("1024"))(
      "chars-per-shard", "Characters after which a shard is full, at the end of a row group",
      cxxopts::value<int64_t>()->default_value("250000000"))(
      "replace-invalid", "Put U+FFFD in the place of invalid UTF-8 instead of stopping");
  options.add_options("export and info")("data", "Folder of shards (default: BASE/base_data)",
                                         cxxopts::value<std::string>())(
      "part", "Documents to take: all, train or val", cxxopts::value<std::string>()->default_value("all"));
  options.add_options()("argument", "", cxxopts::value<std::vector<std::string>>());
  options.parse_positional("argument");
  return options;
}

template <typename T>
T choose(const cxxopts::ParseResult& flags, const std::string& name,
         const std::vector<std::pair<std::string, T>>& choices) {
  const auto given = flags[name].as<std::string>();
  std::string names;
  for (const auto& [choice, value] : choices) {
    if (choice == given) return value;
    names += (names.empty() ? "" : ", ") + choice;
  }
  throw Error(ErrorKind::usage, "\"" + given + "\" is none of " + names, "--" + name, "see gpt_data --help");
}

fs::path path_or_base_data(const cxxopts::ParseResult& flags, const std::string& name) {
  return flags.count(name) > 0 ? fs::path(flags[name].as<std::string>()) : base_data_dir(base_dir());
}

int build(const cxxopts::ParseResult& flags, const std::vector<std::string>& inputs) {
  if (inputs.empty()) throw Error(ErrorKind::usage, "no input", "", "name text files, JSONL files or folders");
  const ReadOptions reading = {
      .split = choose<TextSplit>(flags, "split",
                                 {{"auto", TextSplit::automatic},
                                  {"file", TextSplit::files},
                                  {"paragraph", TextSplit::blank_lines},
                                  {"line", TextSplit::lines}}),
      .column = flags["column"].as<std::string>(),
      .invalid = flags.count("replace-invalid") > 0 ? InvalidUtf8::replace : InvalidUtf8::reject};
  const ShardSetOptions writing = {.row_group_size = flag_in_range(flags, "row-group-size", 1, 1'000'000),
                                   .chars_per_shard = flag_in_range(flags, "chars-per-shard", 1, INT64_MAX),
                                   .validation_documents = flag_in_range(flags, "val-docs", 0, 1'000'000)};
  const fs::path out = flags.count("out") > 0 ? fs::path(flags["out"].as<std::string>()) : base_dir() / "base_data";
  DocumentReader reader(find_text_files({inputs.begin(), inputs.end()}), reading);
  ShardSetWriter writer(out, writing, flags.count("overwrite") > 0);
  ProgressBar bar({.label = "Shards", .total = static_cast<int64_t>(reader.bytes_total()), .unit = "bytes"});
  for (std::string document; reader.next(document);) {
    stop_if_asked();
    writer.add(std::move(document));
    bar.update(static_cast<int64_t>(reader.bytes_read()));
  }
  const ShardSetSummary summary = writer.finish();
  bar.finish();
  fmt::print("{}: {} shards, {} training and {} validation documents, {:.1f} MB of text\n", out.string(),
             summary.shards, summary.train_documents, summary.validation_documents,
             static_cast<double>(summary.bytes) / 1e6);
  return 0;
}

std::vector<fs::path> chosen_shards(const cxxopts::ParseResult& flags, const fs::path& data) {
  std::vector<fs::path> shards = list_shards(data);
  const auto part = choose<int>(flags, "part", {{"all", 0}, {"train", 1}, {"val", 2}});
  if (part == 1) shards.pop_back();
  if (part == 2) shards.erase(shards.begin(), shards.end() - 1);
  return shards;
}

int export_documents(const cxxopts::ParseResult& flags, const std::vector<std::string>& outputs) {
  if (outputs.size() != 1) {
    throw Error(ErrorKind::usage, "export needs one output", "", "name a .jsonl or .txt file (.gz, .zst) or a folder");
  }
  const fs::path data = path_or_base_data(flags, "data");
  const std::vector<fs::path> shards = chosen_shards(flags, data);
  const auto out = open_export(outputs[0], flags.count("overwrite") > 0);
  ProgressBar bar({.label = "Export", .total = static_cast<int64_t>(shards.size()), .unit = "shards"});
  int64_t documents = 0;
  for (const auto& path : shards) {
    ShardReader shard(path);
    for (int64_t group = 0; group < shard.num_row_groups(); ++group) {
      stop_if_asked();
      for (const auto& document : shard.read_row_group(group)) out->add(document);
      documents += shard.num_documents(group);
    }
    bar.add(1);
  }
  out->finish();
  bar.finish();
  fmt::print("{}: {} documents\n", outputs[0], documents);
  return 0;
}

int info(const cxxopts::ParseResult& flags) {
  for (const auto& path : chosen_shards(flags, path_or_base_data(flags, "data"))) {
    ShardReader shard(path);
    int64_t documents = 0;
    int64_t bytes = 0;
    for (int64_t group = 0; group < shard.num_row_groups(); ++group) {
      stop_if_asked();
      for (const auto& document : shard.read_row_group(group)) bytes += static_cast<int64_t>(document.size());
      documents += shard.num_documents(group);
    }
    fmt::print("{}: {} row groups, {} documents, {} bytes of text, {} bytes on disk\n", path.filename().string(),
               shard.num_row_groups(), documents, bytes, fs::file_size(path));
  }
  return 0;
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "gpt_data", argc, argv);
  if (!flags) return 0;
  std::vector<std::string> arguments;
  if (flags->count("argument") > 0) arguments = (*flags)["argument"].as<std::vector<std::string>>();
  std::string command = "build";
  if (!arguments.empty() && (arguments[0] == "build" || arguments[0] == "export" || arguments[0] == "info")) {
    command = arguments[0];
    arguments.erase(arguments.begin());
  }
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the user's limit becomes an error like a full disk
  try {
    if (command == "export") return export_documents(*flags, arguments);
    if (command == "info") {
      if (!arguments.empty()) throw Error(ErrorKind::usage, "unexpected argument", arguments[0], "see gpt_data --help");
      return info(*flags);
    }
    return build(*flags, arguments);
  } catch (const Stopped&) {
    fmt::print(stderr, "stopped by a signal, nothing was written\n");
    return 128 + stop_signal;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
