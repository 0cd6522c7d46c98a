#include "data/text/base_dir.h"

#include <cstdlib>

#include "base/error.h"

namespace tern::text {

namespace fs = std::filesystem;

fs::path base_dir() {
  for (const char* name : {"TERN_BASE_DIR", "NANOCHAT_BASE_DIR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    throw Error(ErrorKind::usage, "no base folder: neither TERN_BASE_DIR nor HOME is set", "", "set TERN_BASE_DIR");
  }
  return fs::path(home) / ".cache" / "tern";
}

fs::path base_data_dir(const fs::path& base) {
  const fs::path climbmix = base / "base_data_climbmix";
  return !fs::exists(base / "base_data") && fs::exists(climbmix) ? climbmix : base / "base_data";
}

fs::path tokenizer_path(const fs::path& base) {
  return base / "tokenizer" / "ranks.tiktoken";
}

}  // namespace tern::text
