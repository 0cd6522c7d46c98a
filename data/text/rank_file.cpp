#include "data/text/rank_file.h"

#include <charconv>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "data/text/base64.h"

namespace tern::text {

namespace {

constexpr const char* kFix = "train the tokenizer again with tok_train, or copy the file again";

// "token dG9rZW4= has no rank, ranks.tiktoken line 12, ..."
[[noreturn]] void fail(const std::string& what, const std::string& where, size_t line = 0) {
  throw Error(ErrorKind::data, what, line == 0 ? where : where + " line " + std::to_string(line), kFix);
}

// Text of a broken line for a message: short, printable.
std::string quoted(std::string_view line) {
  std::string shown = "\"";
  for (const char c : line.substr(0, 40)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (line.size() > 40 ? "...\"" : "\"");
}

struct RankLine {
  std::string token;
  uint32_t rank = 0;
};

RankLine parse_line(std::string_view line, const std::string& where, size_t number) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) fail("no space between token and rank in " + quoted(line), where, number);
  auto token = base64_decode(line.substr(0, space));
  if (!token || token->empty()) fail("not base64: " + quoted(line.substr(0, space)), where, number);
  const std::string_view digits = line.substr(space + 1);
  uint32_t rank = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
  if (error != std::errc() || end != digits.data() + digits.size() || rank >= kMaxRanks) {
    fail("not a rank: " + quoted(digits), where, number);
  }
  return {std::move(*token), rank};
}

void check_single_bytes(const std::unordered_map<std::string, size_t>& line_of_token, const std::string& where) {
  for (int byte = 0; byte < 256; ++byte) {
    if (!line_of_token.contains(std::string(1, static_cast<char>(byte)))) {
      fail("no token for the single byte " + std::to_string(byte), where);
    }
  }
}

}  // namespace

std::vector<std::string> parse_ranks(std::string_view content, const std::string& where, RankGaps gaps) {
  std::vector<std::string> tokens;
  std::unordered_map<std::string, size_t> line_of_token;
  for (size_t number = 1; !content.empty(); ++number) {
    const size_t end = content.find('\n');
    std::string_view line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    RankLine parsed = parse_line(line, where, number);
    if (parsed.rank >= tokens.size()) tokens.resize(parsed.rank + 1);
    if (!tokens[parsed.rank].empty()) fail("rank " + std::to_string(parsed.rank) + " occurs twice", where, number);
    const auto [earlier, is_new] = line_of_token.emplace(parsed.token, number);
    if (!is_new) {
      fail("token " + base64_encode(parsed.token) + " occurs twice, first in line " + std::to_string(earlier->second),
           where, number);
    }
    tokens[parsed.rank] = std::move(parsed.token);
  }
  if (tokens.empty()) fail("the tokenizer file is empty", where);
  check_single_bytes(line_of_token, where);
  for (size_t rank = 0; gaps == RankGaps::reject && rank < tokens.size(); ++rank) {
    if (tokens[rank].empty()) fail("rank " + std::to_string(rank) + " is missing", where);
  }
  return tokens;
}

std::vector<std::string> read_ranks(const std::filesystem::path& path, RankGaps gaps) {
  return parse_ranks(MappedFile(path).text(), path.string(), gaps);
}

std::string format_ranks(const std::vector<std::string>& tokens) {
  std::string content;
  for (size_t rank = 0; rank < tokens.size(); ++rank) {
    if (!tokens[rank].empty()) content += base64_encode(tokens[rank]) + " " + std::to_string(rank) + "\n";
  }
  return content;
}

}  // namespace tern::text
