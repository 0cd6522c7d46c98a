// A rank file is refused with an Error or gives a tokenizer that encodes and decodes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "data/text/encoder.h"

using namespace tern::text;

namespace {

// All single bytes under their own rank: most mutations of a whole file would only break these lines.
std::string byte_lines() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  return format_ranks(tokens);
}

void try_ranks(const std::string& content, RankGaps gaps) {
  try {
    const Tokenizer tokenizer(parse_ranks(content, "fuzz", gaps));
    const auto ids = Encoder(tokenizer).encode(content);
    if (tokenizer.decode(ids) != content) std::abort();
    if (gaps == RankGaps::reject &&
        parse_ranks(format_ranks(tokenizer.vocabulary().tokens()), "again") != tokenizer.vocabulary().tokens()) {
      std::abort();
    }
  } catch (const tern::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string bytes = byte_lines();
  const std::string input(reinterpret_cast<const char*>(data), size);
  try_ranks(input, RankGaps::allow);
  try_ranks(bytes + input, RankGaps::reject);
  return 0;
}
