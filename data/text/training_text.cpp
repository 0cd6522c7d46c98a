#include "data/text/training_text.h"

#include "data/text/utf8.h"

namespace tern::text {

TrainingText read_training_text(DocumentSource& source, const TrainingTextOptions& options,
                                const std::function<void(int64_t)>& progress) {
  TrainingText text;
  PieceCounter counter(options.threads);
  for (int64_t file = 0; file < source.num_files(); ++file) {
    for (int64_t group = 0; group < source.num_row_groups(file) && text.characters <= options.max_chars; ++group) {
      std::vector<std::string> documents = source.read_row_group(file, group);
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
  }
  text.pieces = counter.take();
  return text;
}

}  // namespace tern::text
