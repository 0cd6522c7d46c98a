#include "data/text/document_export.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "data/text/byte_sink.h"
#include "data/text/json_lines.h"
#include "data/text/staged_folder.h"

namespace tern::text {

namespace {

namespace fs = std::filesystem;

class JsonLinesExport : public DocumentExport {
 public:
  explicit JsonLinesExport(const fs::path& path) : file_(create_file(path)) {}
  void add(std::string_view document) override { file_->write(format_json_line(document, "text")); }
  void finish() override { file_->close(); }

 private:
  std::unique_ptr<ByteSink> file_;
};

class TextExport : public DocumentExport {
 public:
  explicit TextExport(const fs::path& path) : file_(create_file(path)) {}
  void add(std::string_view document) override {
    if (!is_first_) file_->write("\n");
    is_first_ = false;
    file_->write(document);
    if (!document.ends_with('\n')) file_->write("\n");
  }
  void finish() override { file_->close(); }

 private:
  std::unique_ptr<ByteSink> file_;
  bool is_first_ = true;
};

class FolderExport : public DocumentExport {
 public:
  FolderExport(const fs::path& folder, bool replace) : folder_(folder, replace) {}
  void add(std::string_view document) override {
    const auto file = create_file(folder_.staging() / fmt::format("{:08}.txt", count_++));
    file->write(document);
    file->close();
  }
  void finish() override { folder_.publish(); }

 private:
  StagedFolder folder_;
  int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<DocumentExport> open_export(const fs::path& output, bool replace) {
  const bool is_packed = output.extension() == ".gz" || output.extension() == ".zst";
  const fs::path kind = is_packed ? output.stem().extension() : output.extension();
  if (kind.empty() && !is_packed) return std::make_unique<FolderExport>(output, replace);
  const bool is_json = kind == ".jsonl" || kind == ".ndjson";
  if (!is_json && kind != ".txt" && kind != ".md") {
    throw Error(ErrorKind::usage, "unknown kind of file", output.string(),
                "name a .jsonl or .txt file (.gz, .zst) or a folder");
  }
  if (fs::exists(output) && !replace) {
    throw Error(ErrorKind::data, "output exists", output.string(),
                "name another file, or pass --overwrite to replace it");
  }
  if (is_json) return std::make_unique<JsonLinesExport>(output);
  return std::make_unique<TextExport>(output);
}

}  // namespace tern::text
