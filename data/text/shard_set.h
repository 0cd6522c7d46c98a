// A folder of shards: shard_00000.parquet, shard_00001.parquet, ...; the last one validates, the others train.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/text/document_source.h"
#include "data/text/shard.h"
#include "data/text/staged_folder.h"

namespace tern::text {

// The .parquet files of a folder by name, as nanochat lists them (whatever their names). Throws Error(data) when there
// is no such folder or no such file in it.
[[nodiscard]] std::vector<std::filesystem::path> list_shards(const std::filesystem::path& folder);

// The documents of a split. Opens every shard of it once, so that damage to a footer shows at the start and not after
// hours. Throws Error(data) as list_shards and ShardReader do, and when there is only one shard, which can't both train
// and validate.
[[nodiscard]] std::unique_ptr<DocumentSource> open_shards(const std::filesystem::path& folder, Split split);

// Documents of a folder of shards, or of a text or JSONL file in their place.
[[nodiscard]] std::unique_ptr<DocumentSource> open_documents(const std::filesystem::path& folder_or_file, Split split);

struct ShardSetOptions {
  int64_t row_group_size = 1024;
  // A shard is full at the first whole row group that brings it to this many characters (code points): about 100 MB.
  int64_t chars_per_shard = 250'000'000;
  // Documents at the end that become the validation shard; 0: default_validation_documents, as far as they fit in 256
  // MB.
  int64_t validation_documents = 0;
};

struct ShardSetSummary {
  int64_t train_documents = 0;
  int64_t validation_documents = 0;
  int64_t shards = 0;  // the validation shard included
  int64_t bytes = 0;   // of text
};

// Writes documents, in the order given, into a new folder of shards. All of it is written beside the folder and renamed
// in finish(), so a folder of shards is always complete; the unfinished one is removed by the destructor.
class ShardSetWriter {
 public:
  // Throws Error(data) if folder exists and isn't empty, unless replace is set: finish() then takes its place.
  ShardSetWriter(const std::filesystem::path& folder, ShardSetOptions options, bool replace = false);
  ShardSetWriter(const ShardSetWriter&) = delete;
  ShardSetWriter& operator=(const ShardSetWriter&) = delete;

  void add(std::string document);
  // Throws Error(data) if there were too few documents for both splits.
  ShardSetSummary finish();

 private:
  [[nodiscard]] bool tail_is_full() const;
  void write(std::string document);
  void close_shard();
  void write_validation_shard();

  StagedFolder folder_;
  ShardSetOptions options_;
  ShardSetSummary summary_;
  std::deque<std::string> tail_;  // the latest documents, which may turn out to be for validation
  int64_t tail_bytes_ = 0;
  std::unique_ptr<ShardWriter> shard_;
  int64_t shard_chars_ = 0;
};

}  // namespace tern::text
