#include "data/text/core_prompts.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/python_random.h"
#include "data/text/utf8.h"

namespace tern::text {

namespace {

constexpr uint64_t kFewshotSeed = 1234;  // nanochat's, plus the index

bool is_python_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string_view strip_left(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    if (!step.valid || !is_python_space(step.code_point)) break;
    text.remove_prefix(step.length);
  }
  return text;
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xc0) == 0x80) --begin;
    const Utf8Step step = decode_utf8(text.substr(begin));
    if (!step.valid || step.length != text.size() - begin || !is_python_space(step.code_point)) break;
    text = text.substr(0, begin);
  }
  return text;
}

// An example with its right answer.
std::string solved(const CoreTask& task, const CoreExample& example) {
  switch (task.kind) {
    case CoreTaskKind::multiple_choice:
      return example.context + task.continuation_delimiter + example.options[example.gold];
    case CoreTaskKind::schema:
      return example.options[example.gold] + task.continuation_delimiter + example.continuation;
    case CoreTaskKind::language_modeling: break;
  }
  return std::string(strip_white_space(example.context)) + task.continuation_delimiter + example.continuation;
}

std::string fewshot_text(const CoreTask& task, size_t index) {
  std::string text;
  if (task.num_fewshot == 0) return text;
  for (const size_t chosen : PythonRandom(kFewshotSeed + index).sample(task.examples.size() - 1, task.num_fewshot)) {
    const size_t other = chosen < index ? chosen : chosen + 1;  // all examples but the one asked about
    text += solved(task, task.examples[other]) + "\n\n";
  }
  return text;
}

size_t common_beginning(const std::vector<CoreRow>& rows) {
  size_t length = rows[0].tokens.size();
  for (const CoreRow& row : rows) {
    const auto [mine, other] = std::ranges::mismatch(rows[0].tokens, row.tokens);
    length = std::min(length, static_cast<size_t>(mine - rows[0].tokens.begin()));
  }
  return length;
}

size_t common_end(const std::vector<CoreRow>& rows) {
  size_t length = rows[0].tokens.size();
  for (const CoreRow& row : rows) {
    const auto& first = rows[0].tokens;
    const auto mismatch = std::mismatch(first.rbegin(), first.rend(), row.tokens.rbegin(), row.tokens.rend());
    length = std::min(length, static_cast<size_t>(mismatch.first - first.rbegin()));
  }
  return length;
}

}  // namespace

std::string_view strip_white_space(std::string_view text) {
  return strip_right(strip_left(text));
}

std::vector<std::string> core_prompts(const CoreTask& task, size_t index) {
  const CoreExample& example = task.examples.at(index);
  const std::string before = fewshot_text(task, index);
  std::vector<std::string> prompts;
  switch (task.kind) {
    case CoreTaskKind::multiple_choice:
      for (const std::string& choice : example.options) {
        prompts.push_back(before + example.context + task.continuation_delimiter + choice);
      }
      break;
    case CoreTaskKind::schema:
      for (const std::string& context : example.options) {
        prompts.push_back(before + context + task.continuation_delimiter + example.continuation);
      }
      break;
    case CoreTaskKind::language_modeling: {
      const std::string text = before + std::string(strip_white_space(example.context)) + task.continuation_delimiter;
      // White space at the end would be part of the continuation's first token.
      prompts = {std::string(strip_white_space(text)), text + example.continuation};
      break;
    }
  }
  return prompts;
}

std::vector<CoreRow> core_rows(const CoreTask& task, size_t index, Encoder& encoder) {
  std::vector<CoreRow> rows;
  for (const std::string& prompt : core_prompts(task, index)) {
    rows.push_back({encoder.encode(prompt, encoder.tokenizer().bos()), 0, 0});
  }
  if (task.kind == CoreTaskKind::language_modeling) {
    const std::vector<TokenId>&without = rows[0].tokens, &with = rows[1].tokens;
    if (without.size() >= with.size() || !std::equal(without.begin(), without.end(), with.begin())) {
      throw Error(ErrorKind::data, "the tokens of the context are not the beginning of those with the continuation",
                  "task " + task.label + ", example " + std::to_string(index), "use another tokenizer");
    }
    return {{with, without.size(), with.size()}};
  }
  const size_t beginning = common_beginning(rows), end = common_end(rows);
  for (CoreRow& row : rows) {
    row.last = row.tokens.size();
    // Equal texts have their first token in common, too, but there is nothing before it to score it by.
    row.first = task.kind == CoreTaskKind::schema ? std::max<size_t>(1, row.last - end) : beginning;
  }
  return rows;
}

}  // namespace tern::text
