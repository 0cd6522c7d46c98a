// One shard: a Parquet file with a string column, one document a row, in row groups.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tern::text {

inline constexpr const char* kTextColumn = "text";

// Reads nanochat's shards, and any Parquet file with a column `text` of strings. Other columns are not touched. Page
// checksums are verified where the file has them. Not thread-safe.
class ShardReader {
 public:
  // Reads the footer. Throws Error(data) naming the file when it can't be read, is no Parquet file or is cut off, has
  // no column `text`, that column isn't a column of strings, or there are no rows.
  explicit ShardReader(const std::filesystem::path& path);
  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;

  [[nodiscard]] int64_t num_row_groups() const;
  [[nodiscard]] int64_t num_documents(int64_t row_group) const;

  // Throws Error(data) naming the file, row group and row when content is damaged, a row is null, or a row isn't UTF-8.
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t row_group);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes a shard as nanochat's are: one column `text`, Zstandard level 3, no dictionary, no statistics; and page
// checksums on top. The file appears under its name in finish(), complete and synced; until then, and if finish() is
// never reached, there is only path + ".tmp", which the destructor removes. Not thread-safe.
class ShardWriter {
 public:
  // row_group_size: documents of each row group (the last may hold fewer). Throws Error(data) when the file can't be
  // created; add and finish throw it when writing fails (disk full).
  ShardWriter(const std::filesystem::path& path, int64_t row_group_size);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  void add(std::string document);
  void finish();

  [[nodiscard]] int64_t num_documents() const { return num_documents_; }

 private:
  void write_row_group();

  struct Impl;
  std::unique_ptr<Impl> impl_;
  int64_t row_group_size_;
  int64_t num_documents_ = 0;
  std::vector<std::string> row_group_;
};

}  // namespace tern::text
