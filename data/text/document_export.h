// Documents back into text and JSONL files.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace tern::text {

// Takes documents in order. What it makes appears, whole, in finish(); destroyed before that, it leaves nothing.
class DocumentExport {
 public:
  virtual ~DocumentExport() = default;
  virtual void add(std::string_view document) = 0;
  virtual void finish() = 0;
};

// The name decides: x.jsonl or x.ndjson gets one JSON object a line; x.txt or x.md the documents with a blank line
// between them (a document that holds blank lines itself reads as several afterwards); both may end in .gz or .zst.
// Any other name without an extension is a folder, with one file 00000000.txt a document, which reads back exactly.
// Throws Error(usage) for another extension, Error(data) when the output exists (for a folder: isn't empty) and replace
// isn't set, or can't be written.
[[nodiscard]] std::unique_ptr<DocumentExport> open_export(const std::filesystem::path& output, bool replace);

}  // namespace tern::text
