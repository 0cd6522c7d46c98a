#include "data/text/unicode_classes.h"

#include <span>
#include <vector>

#include "data/text/utf8.h"

namespace tern::text {

namespace {

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};

#include "data/text/unicode_ranges.inc"

constexpr uint32_t kCodePoints = 0x110000;

// One byte per code point: 1.1 MB, of which only the pages of scripts in use are ever touched again.
std::vector<CharClass> build_table() {
  std::vector<CharClass> table(kCodePoints, CharClass::other);
  const auto mark = [&](std::span<const CodePointRange> ranges, CharClass kind) {
    for (const auto& range : ranges) {
      for (uint32_t code = range.first; code <= range.last; ++code) table[code] = kind;
    }
  };
  mark(kLetters, CharClass::letter);
  mark(kNumbers, CharClass::number);
  mark(kSpaces, CharClass::space);
  table['\r'] = table['\n'] = CharClass::newline;
  return table;
}

}  // namespace

const CharClass* code_point_classes() {
  static const std::vector<CharClass> table = build_table();
  return table.data();
}

Character classify(const CharClass* classes, std::string_view text) {
  const Utf8Step step = decode_utf8(text);
  if (!step.valid) return {CharClass::other, 1};
  return {classes[step.code_point], step.length};
}

}  // namespace tern::text
