// gpt_chat: text from a trained GPT. `gpt_chat --raw --prompt "In the beginning"` continues the prompt.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "apps/gpt_evaluation.h"
#include "apps/gpt_model.h"
#include "apps/program.h"
#include "base/error.h"
#include "data/text/base_dir.h"

namespace {

using namespace tern;

cxxopts::Options make_options() {
  cxxopts::Options options("gpt_chat",
                           "Continues texts with a trained GPT. Without --prompt the text is read from standard input; "
                           "on a terminal, a line is a prompt.\n"
                           "BASE is $TERN_BASE_DIR, else $NANOCHAT_BASE_DIR, else ~/.cache/tern.");
  options.custom_help("--raw [options]");
  options.add_options()("raw", "Continue the text as it is: what a pretrained model can do")(
      "p,prompt", "Text to continue; empty: from the beginning", cxxopts::value<std::string>())(
      "t,temperature", "0: always the likeliest token; above 1: more surprises",
      cxxopts::value<double>()->default_value("0.6"))("k,top-k", "Draw among the k likeliest tokens; 0: all",
                                                      cxxopts::value<int64_t>()->default_value("50"))(
      "max-tokens", "Tokens to write at most", cxxopts::value<int64_t>()->default_value("256"))(
      "num-samples", "Continuations of a prompt", cxxopts::value<int64_t>()->default_value("1"))(
      "seed", "Of the drawing", cxxopts::value<int64_t>()->default_value("42"));
  add_gpt_flags(options);
  return options;
}

gpt::GenerateOptions generate_options(const cxxopts::ParseResult& flags) {
  return {.sampling = {.temperature = flags["temperature"].as<double>(),
                       .top_k = flag_in_range(flags, "top-k", 0, INT64_MAX)},
          .max_tokens = flag_in_range(flags, "max-tokens", 1, 1 << 20),
          .num_samples = flag_in_range(flags, "num-samples", 1, 1024),
          .seed = static_cast<uint64_t>(flag_in_range(flags, "seed", 0, INT64_MAX)),
          .stop_tokens = {}};
}

void answer(const LoadedGpt& loaded, const text::Tokenizer& tokenizer, const std::string& prompt,
            const gpt::GenerateOptions& options) {
  if (options.num_samples == 1) {  // word by word
    fmt::print("{}", prompt);
    (void)complete(loaded.model, tokenizer, prompt, options, [](const std::string& text) {
      fmt::print("{}", text);
      std::fflush(stdout);
    });
    fmt::print("\n");
    return;
  }
  int64_t number = 0;
  for (const std::string& text : complete(loaded.model, tokenizer, prompt, options)) {
    fmt::print("{}--- {} ---\n{}\n", number == 0 ? "" : "\n", number + 1, text);
    ++number;
  }
}

std::string whole_input() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

int run(int argc, char** argv) {
  cxxopts::Options options = make_options();
  const auto flags = parse_flags(options, "gpt_chat", argc, argv);
  if (!flags) return 0;
  if (flags->count("raw") == 0) {
    throw Error(ErrorKind::usage, "conversations need a model that was trained for them", "",
                "add --raw to continue texts");
  }
  gpt::GenerateOptions generate = generate_options(*flags);
  const GptChoice choice = read_gpt_flags(*flags);
  const auto base = text::base_dir();
  const text::Tokenizer tokenizer = text::Tokenizer::read(text::tokenizer_path(base));
  const LoadedGpt loaded = load_gpt(base, choice, tokenizer);
  generate.decoder = gpt::make_decoder(loaded.model, choice.decode_dtype);
  fmt::print(stderr, "{} (step {})\n", loaded.source, loaded.step);
  if (flags->count("prompt") > 0) {
    answer(loaded, tokenizer, (*flags)["prompt"].as<std::string>(), generate);
  } else if (::isatty(STDIN_FILENO) == 0) {
    answer(loaded, tokenizer, whole_input(), generate);
  } else {
    fmt::print(stderr, "a line is a prompt; Ctrl-D ends\n");
    for (std::string line; fmt::print(stderr, "> "), std::getline(std::cin, line);) {
      answer(loaded, tokenizer, line, generate);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tern::run_program([&] { return run(argc, argv); });
}
