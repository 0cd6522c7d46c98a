// The tokens of a byte-pair vocabulary, and what merging needs to know about them. Immutable, so safe to share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/text/pair_map.h"

namespace tern::text {

using TokenId = int32_t;

class Vocabulary {
 public:
  // tokens by rank as parse_ranks returns them (empty strings are gaps). All 256 single bytes must be there.
  explicit Vocabulary(std::vector<std::string> tokens);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  // Number of ranks, gaps included: ids are 0 to size() - 1.
  [[nodiscard]] size_t size() const { return tokens_.size(); }
  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }

  // The token with exactly these bytes.
  [[nodiscard]] std::optional<TokenId> find(std::string_view bytes) const;
  [[nodiscard]] TokenId id_of_byte(uint8_t byte) const { return byte_ids_[byte]; }

  // The token whose bytes are those of left followed by those of right, kNone if there is none. A lower id merges
  // first.
  static constexpr uint32_t kNone = ~0U;
  [[nodiscard]] uint32_t merged(TokenId left, TokenId right) const {
    const uint32_t* id = merges_.find(pair_key(static_cast<uint32_t>(left), static_cast<uint32_t>(right)));
    return id == nullptr ? kNone : *id;
  }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, TokenId> ids_;  // views into tokens_
  std::array<TokenId, 256> byte_ids_{};
  PairMap<uint32_t> merges_;
};

}  // namespace tern::text
