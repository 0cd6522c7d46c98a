#include "data/text/shard_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "data/text/utf8.h"

namespace tern::text {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxTailBytes = 256'000'000;

class ShardDocuments : public DocumentSource {
 public:
  ShardDocuments(std::string name, std::vector<fs::path> paths) : name_(std::move(name)), paths_(std::move(paths)) {
    for (const auto& path : paths_) {
      const ShardReader shard(path);
      std::vector<int64_t>& sizes = sizes_.emplace_back();
      for (int64_t group = 0; group < shard.num_row_groups(); ++group) sizes.push_back(shard.num_documents(group));
    }
  }

  [[nodiscard]] int64_t num_files() const override { return static_cast<int64_t>(paths_.size()); }
  [[nodiscard]] int64_t num_row_groups(int64_t file) const override {
    return static_cast<int64_t>(sizes_[static_cast<size_t>(file)].size());
  }
  [[nodiscard]] int64_t num_documents(int64_t file, int64_t row_group) const override {
    return sizes_[static_cast<size_t>(file)][static_cast<size_t>(row_group)];
  }
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t file, int64_t row_group) override {
    if (file != open_file_) {
      open_ = std::make_unique<ShardReader>(paths_[static_cast<size_t>(file)]);
      open_file_ = file;
    }
    return open_->read_row_group(row_group);
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  std::string name_;
  std::vector<fs::path> paths_;
  std::vector<std::vector<int64_t>> sizes_;  // documents by file and row group
  int64_t open_file_ = -1;
  std::unique_ptr<ShardReader> open_;
};

}  // namespace

std::vector<fs::path> list_shards(const fs::path& folder) {
  const std::string fix = "make shards with gpt_data, or name their folder";
  if (!fs::is_directory(folder)) throw Error(ErrorKind::data, "no folder of shards", folder.string(), fix);
  std::vector<fs::path> shards;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".parquet") shards.push_back(entry.path());
  }
  if (shards.empty()) throw Error(ErrorKind::data, "no .parquet file in the folder", folder.string(), fix);
  std::sort(shards.begin(), shards.end());
  return shards;
}

std::unique_ptr<DocumentSource> open_shards(const fs::path& folder, Split split) {
  std::vector<fs::path> shards = list_shards(folder);
  if (shards.size() < 2) {
    throw Error(ErrorKind::data, "only one shard, so no validation shard", folder.string(),
                "the last shard validates and the others train: add a shard, or make them again with gpt_data");
  }
  if (split == Split::train) {
    shards.pop_back();
  } else {
    shards.erase(shards.begin(), shards.end() - 1);
  }
  return std::make_unique<ShardDocuments>(folder.string(), std::move(shards));
}

std::unique_ptr<DocumentSource> open_documents(const fs::path& folder_or_file, Split split) {
  return fs::is_regular_file(folder_or_file) ? open_text_documents(folder_or_file, split)
                                             : open_shards(folder_or_file, split);
}

ShardSetWriter::ShardSetWriter(const fs::path& folder, ShardSetOptions options, bool replace)
    : folder_(folder, replace), options_(options) {}

bool ShardSetWriter::tail_is_full() const {
  if (options_.validation_documents > 0) {
    return static_cast<int64_t>(tail_.size()) > options_.validation_documents;
  }
  return tail_.size() > 1 &&
         (static_cast<int64_t>(tail_.size()) > kMaxDefaultValidation || tail_bytes_ > kMaxTailBytes);
}

void ShardSetWriter::add(std::string document) {
  summary_.bytes += static_cast<int64_t>(document.size());
  tail_bytes_ += static_cast<int64_t>(document.size());
  tail_.push_back(std::move(document));
  while (tail_is_full()) {
    tail_bytes_ -= static_cast<int64_t>(tail_.front().size());
    write(std::move(tail_.front()));
    tail_.pop_front();
  }
}

void ShardSetWriter::write(std::string document) {
  if (!shard_) {
    const fs::path path = folder_.staging() / fmt::format("shard_{:05}.parquet", summary_.shards);
    shard_ = std::make_unique<ShardWriter>(path, options_.row_group_size);
    shard_chars_ = 0;
  }
  shard_chars_ += static_cast<int64_t>(count_code_points(document));
  shard_->add(std::move(document));
  ++summary_.train_documents;
  const bool whole_row_groups = shard_->num_documents() % options_.row_group_size == 0;
  if (whole_row_groups && shard_chars_ >= options_.chars_per_shard) close_shard();
}

void ShardSetWriter::close_shard() {
  if (!shard_) return;
  shard_->finish();
  shard_.reset();
  ++summary_.shards;
}

// Splits the tail: the end of it validates, the rest still trains.
void ShardSetWriter::write_validation_shard() {
  const int64_t total = summary_.train_documents + static_cast<int64_t>(tail_.size());
  const int64_t wanted =
      options_.validation_documents > 0 ? options_.validation_documents : default_validation_documents(total);
  if (total <= wanted) {
    throw Error(ErrorKind::data, fmt::format("{} documents are too few", total), folder_.folder().string(),
                fmt::format("{} go to validation and at least one must train: give more, or cut the text differently "
                            "with --split, or lower --val-docs",
                            wanted));
  }
  const auto held_back = std::min<int64_t>(wanted, static_cast<int64_t>(tail_.size()));
  while (static_cast<int64_t>(tail_.size()) > held_back) {
    write(std::move(tail_.front()));
    tail_.pop_front();
  }
  close_shard();
  const int64_t train_documents = summary_.train_documents;
  options_.chars_per_shard = INT64_MAX;  // all of it is one shard
  for (auto& document : tail_) write(std::move(document));
  close_shard();
  summary_.validation_documents = summary_.train_documents - train_documents;
  summary_.train_documents = train_documents;
}

ShardSetSummary ShardSetWriter::finish() {
  write_validation_shard();
  folder_.publish();
  return summary_;
}

}  // namespace tern::text
