#include "data/text/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace tern::text {

Tokenizer::Tokenizer(std::vector<std::string> tokens)
    : vocabulary_(std::make_shared<const Vocabulary>(std::move(tokens))) {}

Tokenizer Tokenizer::read(const std::filesystem::path& path, RankGaps gaps) {
  if (!std::filesystem::exists(path)) {
    throw Error(ErrorKind::data, "no tokenizer", path.string(), "train one with tok_train, or name another rank file");
  }
  return Tokenizer(read_ranks(path, gaps));
}

void Tokenizer::write(const std::filesystem::path& path) const {
  write_file_atomically(path, format_ranks(vocabulary_->tokens()));
}

TokenId Tokenizer::special(std::string_view name) const {
  const auto found = std::find(kSpecialTokens.begin(), kSpecialTokens.end(), name);
  if (found == kSpecialTokens.end()) throw Error(ErrorKind::usage, "no special token " + std::string(name));
  return bos() + static_cast<TokenId>(found - kSpecialTokens.begin());
}

std::string_view Tokenizer::bytes(TokenId id) const {
  if (id < 0 || static_cast<size_t>(id) >= vocab_size()) {
    throw Error(ErrorKind::data, "token " + std::to_string(id) + " is outside the vocabulary",
                "0-" + std::to_string(vocab_size() - 1), "use the tokenizer that made these tokens");
  }
  return id < bos() ? std::string_view(vocabulary_->tokens()[static_cast<size_t>(id)])
                    : kSpecialTokens[static_cast<size_t>(id - bos())];
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) text += bytes(id);
  return text;
}

std::vector<int32_t> Tokenizer::byte_lengths() const {
  std::vector<int32_t> lengths(vocab_size(), 0);
  const auto& tokens = vocabulary_->tokens();
  for (size_t id = 0; id < tokens.size(); ++id) lengths[id] = static_cast<int32_t>(tokens[id].size());
  return lengths;
}

}  // namespace tern::text
