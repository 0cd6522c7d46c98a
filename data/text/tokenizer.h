// The byte-pair tokenizer: a vocabulary, nanochat's nine special tokens after it, and decoding. Encoding is in
// encoder.h, training in bpe_trainer.h.
//
//   const Tokenizer tokenizer = Tokenizer::read("tokenizer/ranks.tiktoken");
//   Encoder encoder(tokenizer);                       // one per thread
//   std::vector<TokenId> ids = encoder.encode("Hello", tokenizer.bos());
//   std::string text = tokenizer.decode(ids);
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/rank_file.h"
#include "data/text/vocabulary.h"

namespace tern::text {

// In the order of their ids, which follow the last rank. Every document begins with <|bos|>; the others mark the parts
// of a conversation.
inline constexpr std::array<std::string_view, 9> kSpecialTokens = {
    "<|bos|>",          "<|user_start|>", "<|user_end|>",     "<|assistant_start|>", "<|assistant_end|>",
    "<|python_start|>", "<|python_end|>", "<|output_start|>", "<|output_end|>"};

// Immutable and cheap to copy (copies share the vocabulary); safe to use from several threads.
class Tokenizer {
 public:
  explicit Tokenizer(std::vector<std::string> tokens);

  // From tiktoken's text format. Throws Error(data) as read_ranks does.
  [[nodiscard]] static Tokenizer read(const std::filesystem::path& path, RankGaps gaps = RankGaps::reject);

  // Writes tiktoken's text format, whole or not at all. The special tokens aren't in it: they follow from its size.
  void write(const std::filesystem::path& path) const;

  // Ids are 0 to vocab_size() - 1, special tokens included.
  [[nodiscard]] size_t vocab_size() const { return vocabulary_->size() + kSpecialTokens.size(); }
  [[nodiscard]] const Vocabulary& vocabulary() const { return *vocabulary_; }

  // Id of a special token by name. Throws Error(usage) for any other name.
  [[nodiscard]] TokenId special(std::string_view name) const;
  [[nodiscard]] TokenId bos() const { return static_cast<TokenId>(vocabulary_->size()); }

  // Bytes of a token; for special tokens their name. Throws Error(data) for an id outside the vocabulary.
  [[nodiscard]] std::string_view bytes(TokenId id) const;
  // All bytes in order. A cut-off sequence may be invalid UTF-8 at its ends: see replace_invalid_utf8.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;

  // Number of bytes of each token, 0 for special tokens: what bits per byte divides by (nanochat's token_bytes).
  [[nodiscard]] std::vector<int32_t> byte_lengths() const;

 private:
  std::shared_ptr<const Vocabulary> vocabulary_;
};

}  // namespace tern::text
