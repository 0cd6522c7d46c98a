#include "data/text/encoder.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "data/text/parallel.h"

namespace tern::text {

// A piece of up to 15 bytes as two words: its bytes, zeros, and its length in the last byte. All zero is no piece.
struct Encoder::PieceKey {
  uint64_t low = 0;
  uint64_t high = 0;

  static constexpr size_t kMaxLength = 15;

  static PieceKey pack(std::string_view piece, size_t readable) {
    PieceKey key;
    if (readable >= sizeof key) {
      std::memcpy(&key, piece.data(), sizeof key);
      const size_t length = piece.size();
      if (length < 8) {
        key.low &= (uint64_t{1} << (8 * length)) - 1;
        key.high = 0;
      } else {
        key.high &= (uint64_t{1} << (8 * (length - 8))) - 1;
      }
    } else {
      std::memcpy(&key, piece.data(), piece.size());
    }
    key.high |= uint64_t{piece.size()} << 56;
    return key;
  }

  [[nodiscard]] uint64_t hash() const {
    const uint64_t mixed = (low ^ high * 0xC2B2AE3D27D4EB4FULL) * 0x9E3779B97F4A7C15ULL;
    return mixed ^ mixed >> 32;
  }

  bool operator==(const PieceKey&) const = default;
};

// One cache line. A direct-mapped cache needs no bookkeeping, and words are so unevenly distributed that the frequent
// ones stay.
struct Encoder::CachedPiece {
  static constexpr size_t kMaxIds = 11;
  static constexpr size_t kCount = size_t{1} << 15;

  PieceKey key;
  uint32_t count;
  TokenId ids[kMaxIds];
};

void Encoder::FreeMemory::operator()(CachedPiece* memory) const {
  std::free(memory);
}

Encoder::Encoder(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)), merger_(tokenizer_.vocabulary()) {
  static_assert(sizeof(CachedPiece) == 64);
  // calloc: pages of zeros that cost nothing until they are used.
  cache_.reset(static_cast<CachedPiece*>(std::calloc(CachedPiece::kCount, sizeof(CachedPiece))));
  if (!cache_) throw std::bad_alloc();
}

void Encoder::append_uncached(std::string_view piece, std::vector<TokenId>& ids) {
  if (const auto id = tokenizer_.vocabulary().find(piece)) {
    ids.push_back(*id);
  } else {
    merger_.merge(piece, ids);
  }
}

void Encoder::append_piece(std::string_view piece, size_t readable, std::vector<TokenId>& ids) {
  if (piece.size() > PieceKey::kMaxLength) return append_uncached(piece, ids);
  const PieceKey key = PieceKey::pack(piece, readable);
  CachedPiece& cached = cache_[key.hash() % CachedPiece::kCount];
  if (cached.key == key) {
    ids.insert(ids.end(), cached.ids, cached.ids + cached.count);
    return;
  }
  const size_t before = ids.size();
  append_uncached(piece, ids);
  const size_t count = ids.size() - before;
  if (count > CachedPiece::kMaxIds) return;
  cached.key = key;
  cached.count = static_cast<uint32_t>(count);
  std::memcpy(cached.ids, ids.data() + before, count * sizeof(TokenId));
}

void Encoder::append(std::string_view text, std::vector<TokenId>& ids) {
  const char* const end = text.data() + text.size();
  splitter_.split(text,
                  [&](std::string_view piece) { append_piece(piece, static_cast<size_t>(end - piece.data()), ids); });
}

std::vector<TokenId> Encoder::encode(std::string_view text, std::optional<TokenId> prepend) {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 1);
  if (prepend) ids.push_back(*prepend);
  append(text, ids);
  return ids;
}

BatchEncoder::BatchEncoder(const Tokenizer& tokenizer, int threads) {
  for (int i = 0; i < threads; ++i) encoders_.emplace_back(tokenizer);
}

std::vector<std::vector<TokenId>> BatchEncoder::encode(std::span<const std::string> documents,
                                                       std::optional<TokenId> prepend) {
  std::vector<std::vector<TokenId>> tokens(documents.size());
  parallel_for(static_cast<int>(encoders_.size()), documents.size(), [&](size_t worker, size_t index) {
    tokens[index] = encoders_[worker].encode(documents[index], prepend);
  });
  return tokens;
}

}  // namespace tern::text
