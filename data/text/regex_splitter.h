// Splitting by any regular expression, with PCRE2: for tokenizers of other makes (tok_eval compares with them), and a
// second opinion on Splitter in the tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tern::text {

// The patterns that OpenAI's vocabularies gpt2 and cl100k_base were trained with.
extern const char* const kGpt2Pattern;
extern const char* const kGpt4Pattern;

// PCRE2 with its just-in-time compiler and Unicode properties; \s means Unicode's White_Space as it does in Rust and
// Python, where PCRE2 would add U+180E. What PCRE2 10.42 knows is Unicode 14: letters of later versions aren't \p{L}.
// Not thread-safe.
class RegexSplitter {
 public:
  // Throws Error(usage) when the pattern isn't a valid regular expression.
  explicit RegexSplitter(const std::string& pattern);
  ~RegexSplitter();
  RegexSplitter(const RegexSplitter&) = delete;
  RegexSplitter& operator=(const RegexSplitter&) = delete;

  // Calls use(piece) for each match in turn; text must be valid UTF-8. Bytes that no alternative matches are a piece of
  // their own, so the pieces together are always the text. Throws Error(data) when PCRE2 gives up on a match.
  void split(std::string_view text, const std::function<void(std::string_view)>& use) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tern::text
