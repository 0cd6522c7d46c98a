#include "data/text/vocabulary.h"

#include "base/error.h"

namespace tern::text {

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)), merges_(tokens_.size()) {
  ids_.reserve(tokens_.size());
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (!tokens_[id].empty()) ids_.emplace(tokens_[id], static_cast<TokenId>(id));
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto id = find(std::string(1, static_cast<char>(byte)));
    TERN_CHECK(id.has_value(), "vocabulary lacks byte " + std::to_string(byte));
    byte_ids_[byte] = *id;
  }
  // Every way of cutting a token in two tokens is a merge that can lead to it, as tiktoken looks at it: the bytes of
  // the two parts decide, whatever order of merges the training took.
  for (size_t id = 0; id < tokens_.size(); ++id) {
    const std::string_view token = tokens_[id];
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = find(token.substr(0, cut));
      if (!left) continue;
      const auto right = find(token.substr(cut));
      if (!right) continue;
      merges_[pair_key(static_cast<uint32_t>(*left), static_cast<uint32_t>(*right))] = static_cast<uint32_t>(id);
    }
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view bytes) const {
  const auto found = ids_.find(bytes);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tern::text
