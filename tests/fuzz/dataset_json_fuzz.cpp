// The text of a dataset.json, and of an identifiers.json; metadata that is accepted must survive writing and reading.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "data/puzzles/arc_identifiers.h"
#include "data/puzzles/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tern::puzzles;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    (void)parse_arc_identifiers(text, "fuzz", {{"ab", 0}});
  } catch (const tern::Error&) {
    // Most metadata isn't a list of names.
  }
  try {
    const Metadata metadata = parse_metadata(text, "fuzz");
    if (metadata.seq_len < 1 || metadata.vocab_size < 1 || metadata.sets.empty()) std::abort();
    const std::string written = format_metadata(metadata);
    if (format_metadata(parse_metadata(written, "written")) != written) std::abort();
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
