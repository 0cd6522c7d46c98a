// Cuts text into the pieces that byte-pair merges never cross. By hand, because every alternative of the pattern begins
// with a look at one character: several times the speed of a compiled regular expression, no limit on the length of a
// piece, and Unicode 16 where the system's PCRE2 knows Unicode 14.
//
// The pattern (nanochat's; GPT-4's with at most two digits together):
//
//   '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?+\p{L}+ | \p{N}{1,2} | ?[^\s\p{L}\p{N}]++[\r\n]* | \s*[\r\n] | \s+(?!\S)
//   | \s+
//
// Every character begins a match of some alternative, so no text is ever lost.
#pragma once

#include <string_view>

#include "data/text/unicode_classes.h"

namespace tern::text {

// The pattern above as a regular expression, for tiktoken, rustbpe and people.
extern const char* const kSplitPattern;

// Stateless and thread-safe.
class Splitter {
 public:
  // Length in bytes of the first piece of text, which must not be empty; at least 1.
  [[nodiscard]] size_t piece_length(std::string_view text) const;

  // Calls use(piece) for each piece in turn; the pieces together are the text.
  template <typename Use>
  void split(std::string_view text, Use&& use) const {
    while (!text.empty()) {
      const size_t length = piece_length(text);
      use(text.substr(0, length));
      text.remove_prefix(length);
    }
  }

 private:
  [[nodiscard]] Character at(std::string_view text, size_t position) const;
  [[nodiscard]] size_t skip(std::string_view text, size_t position, CharClass kind) const;
  [[nodiscard]] size_t other_run(std::string_view text, size_t position) const;
  [[nodiscard]] size_t space_run(std::string_view text) const;

  const CharClass* classes_ = code_point_classes();
};

}  // namespace tern::text
