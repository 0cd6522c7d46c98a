// Suggestions for misspelt words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tern::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
[[nodiscard]] size_t edit_distance(std::string_view a, std::string_view b);

// The candidate closest to the word, if it is close enough to be what was meant (about a third of the letters off at
// most). A candidate whose last dotted part equals the word counts as close: L_layers means arch.L_layers.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// "did you mean 'lr'?" or, without a close candidate, `otherwise`.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                                       const std::string& otherwise);

// "a, b, c"
[[nodiscard]] std::string join_words(std::span<const std::string> words);

}  // namespace tern::config
