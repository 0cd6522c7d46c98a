#include "data/text/document_source.h"

#include "base/error.h"
#include "data/text/document_reader.h"

namespace tern::text {

namespace {

// The same size as shards have, so that a text and the shards made of it are walked alike.
constexpr int64_t kRowGroupSize = 1024;

class TextDocuments : public DocumentSource {
 public:
  TextDocuments(std::string name, std::vector<std::string> documents)
      : name_(std::move(name)), documents_(std::move(documents)) {}

  [[nodiscard]] int64_t num_files() const override { return 1; }
  [[nodiscard]] int64_t num_row_groups(int64_t) const override { return (size() + kRowGroupSize - 1) / kRowGroupSize; }
  [[nodiscard]] int64_t num_documents(int64_t, int64_t row_group) const override {
    return std::min(kRowGroupSize, size() - row_group * kRowGroupSize);
  }
  [[nodiscard]] std::vector<std::string> read_row_group(int64_t file, int64_t row_group) override {
    const auto begin = documents_.begin() + row_group * kRowGroupSize;
    return {begin, begin + num_documents(file, row_group)};
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(documents_.size()); }

  std::string name_;
  std::vector<std::string> documents_;
};

}  // namespace

int64_t total_row_groups(const DocumentSource& source) {
  int64_t total = 0;
  for (int64_t file = 0; file < source.num_files(); ++file) total += source.num_row_groups(file);
  return total;
}

int64_t total_documents(const DocumentSource& source) {
  int64_t total = 0;
  for (int64_t file = 0; file < source.num_files(); ++file) {
    for (int64_t group = 0; group < source.num_row_groups(file); ++group) total += source.num_documents(file, group);
  }
  return total;
}

std::unique_ptr<DocumentSource> open_text_documents(const std::filesystem::path& file, Split split) {
  DocumentReader reader({file}, {});
  std::vector<std::string> documents;
  for (std::string document; reader.next(document);) documents.push_back(std::move(document));
  if (documents.size() < 2) {
    throw Error(ErrorKind::data, "holds " + std::to_string(documents.size()) + " documents", file.string(),
                "training and validation need at least one each: separate documents by blank lines");
  }
  const auto held_back = default_validation_documents(static_cast<int64_t>(documents.size()));
  if (split == Split::train) {
    documents.resize(documents.size() - static_cast<size_t>(held_back));
  } else {
    documents.erase(documents.begin(), documents.end() - held_back);
  }
  return std::make_unique<TextDocuments>(file.string(), std::move(documents));
}

}  // namespace tern::text
