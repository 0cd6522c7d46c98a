// Where a GPT's training and validation documents come from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "data/text/document_source.h"

namespace tern {

using OpenDocuments = std::function<std::unique_ptr<text::DocumentSource>(text::Split)>;

// A text or JSONL file, or, without one, the shards of the base folder. The calls throw Error(data) as
// text::open_documents and text::open_text_documents do.
[[nodiscard]] OpenDocuments document_opener(const std::optional<std::string>& file);

}  // namespace tern
