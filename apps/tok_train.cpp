// tok_train: text -> a byte-pair tokenizer in tiktoken's text format.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "apps/flags.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/text/base_dir.h"
#include "data/text/bpe_trainer.h"
#include "data/text/encoder.h"
#include "data/text/shard_set.h"
#include "data/text/training_text.h"
#include "engine/monitor/progress.h"
#include "engine/monitor/stage_report.h"

namespace {

using namespace tern;
using namespace tern::text;
namespace fs = std::filesystem;

cxxopts::Options make_options() {
  cxxopts::Options options(
      "tok_train",
      "Trains a byte-pair tokenizer on the training documents (all shards but the last one), or on all documents of "
      "FILEs.\n"
      "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("[options]");
  options.positional_help("[FILE...]");
  options.add_options()("vocab-size", "Tokens in all, the nine special ones included",
                        cxxopts::value<int64_t>()->default_value("32768"))(
      "max-chars", "Stop reading after the document that goes over this many characters",
      cxxopts::value<int64_t>()->default_value("2000000000"))("doc-cap", "Characters used of each document",
                                                              cxxopts::value<int64_t>()->default_value("10000"))(
      "data", "Folder of shards, or a text or JSONL file (default: BASE/base_data)", cxxopts::value<std::string>())(
      "out", "Tokenizer to write (default: BASE/tokenizer/ranks.tiktoken)", cxxopts::value<std::string>())(
      "threads", "Threads, 0 for all cores", cxxopts::value<int64_t>()->default_value("0"))(
      "file", "Text or JSONL file, or folder of such, to train on instead", cxxopts::value<std::vector<std::string>>());
  options.parse_positional("file");
  return options;
}

TrainingText read_files(const std::vector<std::string>& files, const TrainingTextOptions& options) {
  DocumentReader reader(find_text_files({files.begin(), files.end()}), {});
  ProgressBar bar({.label = "Read", .total = static_cast<int64_t>(reader.bytes_total()), .unit = "bytes"});
  TrainingText text = read_training_text(documents_of(reader), options,
                                         [&](int64_t) { bar.update(static_cast<int64_t>(reader.bytes_read())); });
  bar.finish();
  return text;
}

TrainingText read_shards(const fs::path& data, const TrainingTextOptions& options) {
  const auto source = open_documents(data, Split::train);
  ProgressBar bar({.label = "Read", .total = total_documents(*source), .unit = "documents"});
  TrainingText text =
      read_training_text(documents_of(*source), options, [&](int64_t documents) { bar.update(documents); });
  bar.finish();
  return text;
}

std::vector<std::string> train(const TrainingText& text, size_t ranks) {
  ProgressBar bar({.label = "Train", .total = static_cast<int64_t>(ranks) - 256, .unit = "merges"});
  std::vector<std::string> tokens =
      train_bpe(text.pieces, ranks, [&](size_t merges) { bar.update(static_cast<int64_t>(merges)); });
  bar.finish();
  return tokens;
}

// Encodes and decodes what is likely to go wrong.
void check_round_trip(const Tokenizer& tokenizer) {
  const std::string text = "Hello, I'm 1234 years old!\r\n\n\tcaf\u00e9 \u4f60\u597d \U0001F30D  'LL\u00a0\xff";
  const bool same = tokenizer.decode(Encoder(tokenizer).encode(text)) == text;
  TERN_CHECK(same, "the new tokenizer doesn't give back what it encoded");
}

void make_folder_of(const fs::path& file) {
  std::error_code error;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
  if (error) {
    throw Error(ErrorKind::data, "can't create the folder: " + error.message(), file.parent_path().string(),
                "name another file with --out");
  }
}

// The section of the pipeline's report, as nanochat has it.
ReportSection report_section(const TrainingTextOptions& limits, int64_t vocab_size, double seconds,
                             const Tokenizer& tokenizer) {
  std::vector<double> lengths;
  for (const int32_t length : tokenizer.byte_lengths()) {
    if (length > 0) lengths.push_back(length);
  }
  const auto [smallest, largest] = std::ranges::minmax(lengths);
  const auto count = static_cast<double>(lengths.size());
  double sum = 0, squares = 0;
  for (const double length : lengths) sum += length;
  for (const double length : lengths) squares += std::pow(length - sum / count, 2);
  return {"Tokenizer training",
          {{{"max_chars", limits.max_chars}, {"doc_cap", limits.doc_cap}, {"vocab_size", vocab_size}},
           {{"train_time", seconds}},
           {{"num_special_tokens", static_cast<int64_t>(kSpecialTokens.size())}},
           {{"token_bytes_min", static_cast<int64_t>(smallest)},
            {"token_bytes_max", static_cast<int64_t>(largest)},
            {"token_bytes_mean", sum / count},
            {"token_bytes_std", std::sqrt(squares / (count - 1))}}}};
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "tok_train", argc, argv);
  if (!flags) return 0;
  const auto special = static_cast<int64_t>(kSpecialTokens.size());
  const int64_t vocab_size = flag_in_range(*flags, "vocab-size", 256 + special, kMaxRanks);
  const TrainingTextOptions limits = {.max_chars = flag_in_range(*flags, "max-chars", 1, INT64_MAX),
                                      .doc_cap = flag_in_range(*flags, "doc-cap", 1, INT64_MAX),
                                      .threads = thread_count(*flags)};
  const fs::path out =
      flags->count("out") > 0 ? fs::path((*flags)["out"].as<std::string>()) : tokenizer_path(base_dir());

  const auto start = std::chrono::steady_clock::now();
  const TrainingText text = flags->count("file") > 0
                                ? read_files((*flags)["file"].as<std::vector<std::string>>(), limits)
                            : flags->count("data") > 0 ? read_shards((*flags)["data"].as<std::string>(), limits)
                                                       : read_shards(base_data_dir(base_dir()), limits);
  if (text.documents == 0) throw Error(ErrorKind::data, "no documents", "", "give text to train on");
  const Tokenizer tokenizer(train(text, static_cast<size_t>(vocab_size - special)));
  check_round_trip(tokenizer);
  make_folder_of(out);
  tokenizer.write(out);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  if (flags->count("out") == 0) {
    write_report_section(base_dir() / "report", report_section(limits, vocab_size, seconds, tokenizer));
  }
  fmt::print("{}: vocabulary {} ({} special) from {} documents, {} characters, {} different pieces, {:.2f} s\n",
             out.string(), tokenizer.vocab_size(), special, text.documents, text.characters, text.pieces.size(),
             seconds);
  if (static_cast<int64_t>(tokenizer.vocab_size()) < vocab_size) {
    fmt::print(stderr, "warning: the text has no more pairs to merge, so the vocabulary is smaller than {}\n",
               vocab_size);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
