// Any bytes encode, and decode to the same bytes; valid UTF-8 is cut as the regular expression cuts it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/text/bpe_trainer.h"
#include "data/text/encoder.h"
#include "data/text/regex_splitter.h"
#include "data/text/utf8.h"

namespace {

using namespace tern::text;

// A small vocabulary of what the corpus is made of, so that merges happen.
Tokenizer make_tokenizer() {
  PieceCounts pieces;
  for (const char* piece :
       {" the", "the", "aaaaaaaaaaaaaaaa", "\xe4\xbd\xa0\xe4\xbd\xa0", "    ", "\n\n", "'ll", "!!!"}) {
    pieces.add(piece, 3);
  }
  return Tokenizer(train_bpe(pieces, 290));
}

// PCRE2 lacks the letters and numbers that Unicode got after version 14.
bool regex_knows(std::string_view text) {
  static const RegexSplitter letter_or_number("[\\p{L}\\p{N}]");
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    const CharClass kind = code_point_classes()[step.code_point];
    if (kind == CharClass::letter || kind == CharClass::number) {
      size_t pieces = 0;
      letter_or_number.split(std::string(text.substr(0, step.length)) + "\t", [&](std::string_view) { ++pieces; });
      if (pieces != 2) return false;
    }
    text.remove_prefix(step.length);
  }
  return true;
}

void check_split(std::string_view text) {
  static const RegexSplitter regex(kSplitPattern);
  const Splitter splitter;
  regex.split(text, [&](std::string_view piece) {
    const size_t length = splitter.piece_length(text);
    if (length != piece.size()) std::abort();
    text.remove_prefix(length);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer tokenizer = make_tokenizer();
  static Encoder encoder(tokenizer);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ids = encoder.encode(text);
  if (tokenizer.decode(ids) != text) std::abort();
  if (Encoder(tokenizer).encode(text) != ids) std::abort();  // whatever the first one remembers

  const std::string repaired = replace_invalid_utf8(text);
  if (find_invalid_utf8(repaired)) std::abort();
  if (!find_invalid_utf8(text) && repaired != text) std::abort();
  if (regex_knows(repaired)) check_split(repaired);
  return 0;
}
