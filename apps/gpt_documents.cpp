#include "apps/gpt_documents.h"

#include "data/text/base_dir.h"
#include "data/text/shard_set.h"

namespace tern {

OpenDocuments document_opener(const std::optional<std::string>& file) {
  if (file) {
    return [path = *file](text::Split split) { return text::open_text_documents(path, split); };
  }
  return [folder = text::base_data_dir(text::base_dir())](text::Split split) {
    return text::open_documents(folder, split);
  };
}

}  // namespace tern
