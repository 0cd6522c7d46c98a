// Documents by address: what the packing loader and the programs read, whether they lie in shards or in a text file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace tern::text {

// Which documents: nanochat validates on the last shard and trains on the others.
enum class Split { train, validation };

// The documents of one split: files of row groups of documents. Not thread-safe.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;

  [[nodiscard]] virtual int64_t num_files() const = 0;
  [[nodiscard]] virtual int64_t num_row_groups(int64_t file) const = 0;
  [[nodiscard]] virtual int64_t num_documents(int64_t file, int64_t row_group) const = 0;

  // Documents of a row group, valid UTF-8. Throws Error(data) naming the file when it is damaged.
  [[nodiscard]] virtual std::vector<std::string> read_row_group(int64_t file, int64_t row_group) = 0;

  // What messages call it: a path.
  [[nodiscard]] virtual std::string name() const = 0;
};

// Row groups of a split, over all files.
[[nodiscard]] int64_t total_row_groups(const DocumentSource& source);
// Documents of a split.
[[nodiscard]] int64_t total_documents(const DocumentSource& source);

// How many documents at the end validate where nobody said so: one in twenty, at least one, at most 8192.
inline constexpr int64_t kMaxDefaultValidation = 8192;
[[nodiscard]] constexpr int64_t default_validation_documents(int64_t total) {
  return std::clamp<int64_t>(total / 20, 1, kMaxDefaultValidation);
}

// A text or JSONL file in the place of shards (as DocumentReader reads it, in memory): its last
// default_validation_documents are the validation split. Throws Error(data) if it holds fewer than two documents.
[[nodiscard]] std::unique_ptr<DocumentSource> open_text_documents(const std::filesystem::path& file, Split split);

}  // namespace tern::text
