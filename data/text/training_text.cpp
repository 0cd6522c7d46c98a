#include "data/text/training_text.h"

#include "data/text/utf8.h"

namespace tern::text {

NextDocuments documents_of(DocumentSource& source) {
  return [&source, file = int64_t{0}, group = int64_t{0}](std::vector<std::string>& documents) mutable {
    while (file < source.num_files() && group == source.num_row_groups(file)) {
      ++file;
      group = 0;
    }
    if (file == source.num_files()) return false;
    documents = source.read_row_group(file, group++);
    return true;
  };
}

NextDocuments documents_of(DocumentReader& reader) {
  return [&reader](std::vector<std::string>& documents) {
    constexpr size_t kBatch = 1024;
    documents.clear();
    std::string document;
    while (documents.size() < kBatch && reader.next(document)) documents.push_back(std::move(document));
    return !documents.empty();
  };
}

TrainingText read_training_text(const NextDocuments& next, const TrainingTextOptions& options,
                                const std::function<void(int64_t)>& progress) {
  TrainingText text;
  PieceCounter counter(options.threads);
  std::vector<std::string> documents;
  while (text.characters <= options.max_chars && next(documents)) {
    size_t used = 0;
    while (used < documents.size() && text.characters <= options.max_chars) {
      std::string& document = documents[used++];
      document.resize(crop_code_points(document, static_cast<size_t>(options.doc_cap)).size());
      text.characters += static_cast<int64_t>(count_code_points(document));
    }
    documents.resize(used);
    counter.add(documents);
    text.documents += static_cast<int64_t>(used);
    if (progress) progress(text.documents);
  }
  text.pieces = counter.take();
  return text;
}

}  // namespace tern::text
