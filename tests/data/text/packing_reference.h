// The shards, tokenizer and recorded batches that the tests of both ways of packing read.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/text/shard_set.h"
#include "data/text/tokenizer.h"

namespace tern::text {

inline const std::filesystem::path kReference = TERN_TEST_REFERENCE;

inline Tokenizer bible_tokenizer() {
  return Tokenizer::read(kReference / "tokenizer" / "ranks.tiktoken");
}

inline std::unique_ptr<DocumentSource> reference_shards(Split split = Split::train) {
  return open_shards(kReference / "packing" / "shards", split);
}

// A recording: 16 bits a token.
inline std::vector<int64_t> read_u16(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::vector<uint16_t> values(bytes.size() / 2);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return {values.begin(), values.end()};
}

}  // namespace tern::text
