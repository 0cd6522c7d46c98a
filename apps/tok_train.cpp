// tok_train: text -> a byte-pair tokenizer in tiktoken's text format.
#include <fmt/format.h>

#include <chrono>
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

namespace {

using namespace tern;
using namespace tern::text;
namespace fs = std::filesystem;

cxxopts::Options make_options() {
  cxxopts::Options options("tok_train",
                           "Trains a byte-pair tokenizer on the training documents (all shards but the last one).\n"
                           "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("[options]");
  options.add_options()("vocab-size", "Tokens in all, the nine special ones included",
                        cxxopts::value<int64_t>()->default_value("32768"))(
      "max-chars", "Stop reading after the document that goes over this many characters",
      cxxopts::value<int64_t>()->default_value("2000000000"))("doc-cap", "Characters used of each document",
                                                              cxxopts::value<int64_t>()->default_value("10000"))(
      "data", "Folder of shards, or a text or JSONL file (default: BASE/base_data)", cxxopts::value<std::string>())(
      "out", "Tokenizer to write (default: BASE/tokenizer/ranks.tiktoken)", cxxopts::value<std::string>())(
      "threads", "Threads, 0 for all cores", cxxopts::value<int64_t>()->default_value("0"));
  return options;
}

TrainingText read_text(const fs::path& data, const TrainingTextOptions& options) {
  const auto source = open_documents(data, Split::train);
  ProgressBar bar({.label = "Read", .total = total_documents(*source), .unit = "documents"});
  TrainingText text = read_training_text(*source, options, [&](int64_t documents) { bar.update(documents); });
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

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "tok_train", argc, argv);
  if (!flags) return 0;
  const auto special = static_cast<int64_t>(kSpecialTokens.size());
  const int64_t vocab_size = flag_in_range(*flags, "vocab-size", 256 + special, int64_t{1} << 24);
  const TrainingTextOptions limits = {.max_chars = flag_in_range(*flags, "max-chars", 1, INT64_MAX),
                                      .doc_cap = flag_in_range(*flags, "doc-cap", 1, INT64_MAX),
                                      .threads = thread_count(*flags)};
  const fs::path data =
      flags->count("data") > 0 ? fs::path((*flags)["data"].as<std::string>()) : base_data_dir(base_dir());
  const fs::path out =
      flags->count("out") > 0 ? fs::path((*flags)["out"].as<std::string>()) : tokenizer_path(base_dir());

  const auto start = std::chrono::steady_clock::now();
  const TrainingText text = read_text(data, limits);
  const Tokenizer tokenizer(train(text, static_cast<size_t>(vocab_size - special)));
  check_round_trip(tokenizer);
  if (out.has_parent_path()) fs::create_directories(out.parent_path());
  tokenizer.write(out);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

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
