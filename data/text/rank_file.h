// tiktoken's text format of a byte-pair vocabulary: one token a line, its bytes in base64, a space, its rank.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tern::text {

// Most ranks of a vocabulary: ten times what the largest in use have. Keeps a damaged rank from asking for all memory.
inline constexpr uint32_t kMaxRanks = 1U << 21;

// Ranks without a token. Tokenizers that Tern trains have none; OpenAI's p50k_base leaves one out for a special token.
enum class RankGaps { reject, allow };

// Tokens by rank; an empty string is a gap. where names the source in messages.
// Throws Error(data) naming the line when the base64 or the rank is malformed, a rank or a token occurs twice, one of
// the 256 single bytes is missing, there is a gap that isn't allowed, or the file holds nothing.
[[nodiscard]] std::vector<std::string> parse_ranks(std::string_view content, const std::string& where,
                                                   RankGaps gaps = RankGaps::reject);

// parse_ranks of a file. Throws Error(data) also when it can't be read.
[[nodiscard]] std::vector<std::string> read_ranks(const std::filesystem::path& path, RankGaps gaps = RankGaps::reject);

// The file's content, byte for byte what tiktoken's dump_tiktoken_bpe writes.
[[nodiscard]] std::string format_ranks(const std::vector<std::string>& tokens);

}  // namespace tern::text
