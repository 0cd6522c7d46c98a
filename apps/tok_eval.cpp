// tok_eval: how well a tokenizer compresses text, alone and beside others.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "apps/flags.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/text/base_dir.h"
#include "data/text/document_reader.h"
#include "data/text/encoder.h"
#include "data/text/regex_splitter.h"
#include "data/text/shard_set.h"
#include "engine/monitor/stage_report.h"

namespace {

using namespace tern;
using namespace tern::text;
namespace fs = std::filesystem;

struct NamedText {
  std::string name;
  std::string content;
};

cxxopts::Options make_options() {
  cxxopts::Options options("tok_eval",
                           "Prints bytes, tokens and bytes per token of texts, and the same for other tokenizers.\n"
                           "Without FILE: the first row group of the training and of the validation documents.\n"
                           "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("[options]");
  options.positional_help("[FILE...]");
  options.add_options()("tokenizer", "Rank file of the tokenizer (default: BASE/tokenizer/ranks.tiktoken)",
                        cxxopts::value<std::string>())(
      "compare",
      "Another rank file; repeat for more. gpt2=FILE and gpt4=FILE split with OpenAI's patterns (for gpt2 and "
      "cl100k_base), plain FILE with nanochat's",
      cxxopts::value<std::vector<std::string>>())(
      "data", "Folder of shards, or a text or JSONL file (default: BASE/base_data)", cxxopts::value<std::string>())(
      "replace-invalid", "Put U+FFFD in the place of invalid UTF-8 in FILE instead of stopping")(
      "file", "Text to evaluate", cxxopts::value<std::vector<std::string>>());
  options.parse_positional("file");
  return options;
}

// Counts the tokens of texts.
class Contender {
 public:
  // argument: a rank file, behind "gpt2=" or "gpt4=" if it has that pattern.
  Contender(const std::string& argument, RankGaps gaps)
      : path_(has_pattern(argument) ? argument.substr(5) : argument), encoder_(Tokenizer::read(path_, gaps)) {
    if (argument.starts_with("gpt2=")) regex_.emplace(kGpt2Pattern);
    if (argument.starts_with("gpt4=")) regex_.emplace(kGpt4Pattern);
  }

  [[nodiscard]] size_t count(const NamedText& text) {
    std::vector<TokenId> ids;
    if (regex_) {
      regex_->split(text.content, [&](std::string_view piece) { encoder_.append_piece(piece, ids); });
    } else {
      encoder_.append(text.content, ids);
    }
    TERN_CHECK(encoder_.tokenizer().decode(ids) == text.content, "decoding doesn't give back " + text.name);
    return ids.size();
  }

  [[nodiscard]] std::string title() const {
    return fmt::format("{} ({} ranks)", path_, encoder_.tokenizer().vocabulary().size());
  }

 private:
  static bool has_pattern(const std::string& argument) {
    return argument.starts_with("gpt2=") || argument.starts_with("gpt4=");
  }

  std::string path_;
  Encoder encoder_;
  std::optional<RegexSplitter> regex_;
};

NamedText first_row_group(const fs::path& data, Split split, const std::string& name) {
  const auto source = open_documents(data, split);
  NamedText text{name, ""};
  for (const auto& document : source->read_row_group(0, 0)) {
    if (!text.content.empty()) text.content += '\n';
    text.content += document;
  }
  return text;
}

NamedText read_text(const std::string& file, InvalidUtf8 policy) {
  DocumentReader reader({file}, {.split = TextSplit::files, .column = kTextColumn, .invalid = policy});
  NamedText text{fs::path(file).filename(), ""};
  for (std::string document; reader.next(document);) text.content += document;
  return text;
}

std::vector<NamedText> read_texts(const cxxopts::ParseResult& flags) {
  std::vector<NamedText> texts;
  if (flags.count("file") > 0) {
    const auto policy = flags.count("replace-invalid") > 0 ? InvalidUtf8::replace : InvalidUtf8::reject;
    for (const auto& file : flags["file"].as<std::vector<std::string>>()) texts.push_back(read_text(file, policy));
  } else {
    const fs::path data =
        flags.count("data") > 0 ? fs::path(flags["data"].as<std::string>()) : base_data_dir(base_dir());
    texts.push_back(first_row_group(data, Split::train, "train"));
    texts.push_back(first_row_group(data, Split::validation, "validation"));
  }
  return texts;
}

double bytes_per_token(const NamedText& text, size_t tokens) {
  return tokens == 0 ? 0 : static_cast<double>(text.content.size()) / static_cast<double>(tokens);
}

std::vector<size_t> print_table(Contender& contender, const std::vector<NamedText>& texts,
                                const std::vector<size_t>& ours, const std::string& difference_title) {
  size_t width = 4;
  for (const auto& text : texts) width = std::max(width, text.name.size());
  fmt::print("{}\n{:<{}} {:>12} {:>12} {:>12}{}\n", contender.title(), "text", width, "bytes", "tokens", "bytes/token",
             difference_title);
  std::vector<size_t> counts;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t tokens = contender.count(texts[i]);
    fmt::print("{:<{}} {:>12} {:>12} {:>12.3f}", texts[i].name, width, texts[i].content.size(), tokens,
               bytes_per_token(texts[i], tokens));
    if (!ours.empty() && tokens > 0) {
      const double more = static_cast<double>(tokens) - static_cast<double>(ours[i]);
      fmt::print(" {:>+19.1f} %", 100 * more / static_cast<double>(tokens));
    }
    fmt::print("\n");
    counts.push_back(tokens);
  }
  return counts;
}

// Tables for the pipeline's report. `ours` and `others`: tokens by text.
std::string own_table(const Contender& contender, const std::vector<NamedText>& texts,
                      const std::vector<size_t>& ours) {
  std::string table =
      fmt::format("### {}\n\n| Text | Bytes | Tokens | Ratio |\n|---|---|---|---|\n", contender.title());
  for (size_t i = 0; i < texts.size(); ++i) {
    table += fmt::format("| {} | {} | {} | {:.2f} |\n", texts[i].name, texts[i].content.size(), ours[i],
                         bytes_per_token(texts[i], ours[i]));
  }
  return table + "\n";
}

std::string comparison_table(const Contender& other, const std::vector<NamedText>& texts,
                             const std::vector<size_t>& ours, const std::vector<size_t>& others) {
  std::string table = fmt::format(
      "### Comparison with {}\n\n| Text | Bytes | Its tokens | Its ratio | Our tokens | Our ratio | Relative "
      "difference "
      "|\n|---|---|---|---|---|---|---|\n",
      other.title());
  for (size_t i = 0; i < texts.size(); ++i) {
    const double difference = static_cast<double>(others[i]) - static_cast<double>(ours[i]);
    table += fmt::format("| {} | {} | {} | {:.2f} | {} | {:.2f} | {:+.1f}% |\n", texts[i].name, texts[i].content.size(),
                         others[i], bytes_per_token(texts[i], others[i]), ours[i], bytes_per_token(texts[i], ours[i]),
                         others[i] == 0 ? 0 : 100 * difference / static_cast<double>(others[i]));
  }
  return table + "\n";
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "tok_eval", argc, argv);
  if (!flags) return 0;
  const bool is_bases = flags->count("tokenizer") == 0;
  const std::string tokenizer =
      is_bases ? tokenizer_path(base_dir()).string() : (*flags)["tokenizer"].as<std::string>();
  Contender ours(tokenizer, RankGaps::reject);
  const std::vector<NamedText> texts = read_texts(*flags);
  const std::vector<size_t> counts = print_table(ours, texts, {}, "");
  std::string tables = own_table(ours, texts, counts);
  if (flags->count("compare") > 0) {
    for (const auto& argument : (*flags)["compare"].as<std::vector<std::string>>()) {
      Contender other(argument, RankGaps::allow);
      fmt::print("\n");
      const std::vector<size_t> others = print_table(other, texts, counts, "     ours needs fewer");
      tables += comparison_table(other, texts, counts, others);
    }
  }
  if (is_bases) write_report_section(base_dir() / "report", {"Tokenizer evaluation", {}, tables});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
