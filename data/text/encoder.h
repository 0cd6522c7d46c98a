// Text to token ids. Special tokens are never made from text: "<|bos|>" in a document is encoded as its characters.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/piece_merger.h"
#include "data/text/splitter.h"
#include "data/text/tokenizer.h"

namespace tern::text {

// Encodes as tiktoken does with kSplitPattern. Any bytes are accepted: those that are not UTF-8 become tokens too, and
// decoding gives them back. Remembers the tokens of recent short pieces in 2 MB of its own: keep one object per thread
// and use it again.
class Encoder {
 public:
  explicit Encoder(Tokenizer tokenizer);

  // Appends the tokens of text to ids.
  void append(std::string_view text, std::vector<TokenId>& ids);

  // The tokens of text, after `prepend` if given.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, std::optional<TokenId> prepend = std::nullopt);

  // Appends the tokens of one piece, which is not split any further: for splitters other than Splitter.
  void append_piece(std::string_view piece, std::vector<TokenId>& ids) { append_piece(piece, piece.size(), ids); }

  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  struct PieceKey;
  struct CachedPiece;
  struct FreeMemory {
    void operator()(CachedPiece* memory) const;
  };

  // readable: bytes that may be read from the start of piece on (at least its length).
  void append_piece(std::string_view piece, size_t readable, std::vector<TokenId>& ids);
  void append_uncached(std::string_view piece, std::vector<TokenId>& ids);

  Tokenizer tokenizer_;
  Splitter splitter_;
  PieceMerger merger_;
  std::unique_ptr<CachedPiece[], FreeMemory> cache_;
};

// Encodes documents in parallel; the result doesn't depend on the number of threads.
class BatchEncoder {
 public:
  // threads: at least 1.
  BatchEncoder(const Tokenizer& tokenizer, int threads);

  // Tokens of each document, after `prepend` if given. One call at a time.
  [[nodiscard]] std::vector<std::vector<TokenId>> encode(std::span<const std::string> documents,
                                                         std::optional<TokenId> prepend = std::nullopt);

 private:
  std::vector<Encoder> encoders_;
};

}  // namespace tern::text
