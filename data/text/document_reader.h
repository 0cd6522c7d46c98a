// Documents out of text and JSONL files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/text/byte_source.h"
#include "data/text/utf8.h"

namespace tern::text {

// How plain text is cut into documents. automatic: where there are several text files each is a document; a single one
// is cut at its blank lines, or into its lines if it has none.
enum class TextSplit { automatic, files, blank_lines, lines };

struct ReadOptions {
  TextSplit split = TextSplit::automatic;
  std::string column = "text";  // of JSONL files
  InvalidUtf8 invalid = InvalidUtf8::reject;
};

// Files that the inputs stand for: a file stands for itself; a folder for the .txt, .md, .jsonl and .ndjson files in it
// and below it (also with .gz or .zst after that), sorted by path. Throws Error(data) for an input that doesn't exist
// and for a folder without such a file.
[[nodiscard]] std::vector<std::filesystem::path> find_text_files(const std::vector<std::filesystem::path>& inputs);

// Goes through the documents of files in order. Names ending in .jsonl or .ndjson (before .gz or .zst) are JSONL, blank
// lines in them are skipped; all others are plain text. A document that is a whole file is its exact content; blank
// lines and line ends that separate documents belong to none of them. Not thread-safe.
class DocumentReader {
 public:
  DocumentReader(std::vector<std::filesystem::path> files, ReadOptions options);

  // The next document, valid UTF-8; false after the last. Throws Error(data) naming the file and the line or byte.
  bool next(std::string& document);

  // Bytes read so far and in all, as the files lie on the disk: for progress.
  [[nodiscard]] uint64_t bytes_read() const;
  [[nodiscard]] uint64_t bytes_total() const { return bytes_total_; }

 private:
  bool open_next_file();
  bool next_in_file(std::string& document);
  bool next_filled_line(std::string& line);
  bool next_json(std::string& document);
  bool next_line(std::string& document);
  bool next_paragraph(std::string& document);
  bool whole_file(std::string& document);
  void require_valid(std::string& text, uint64_t offset) const;

  std::vector<std::filesystem::path> files_;
  ReadOptions options_;
  size_t next_file_ = 0;
  std::unique_ptr<LineReader> lines_;  // of the current file
  bool is_json_ = false;
  bool is_new_ = false;  // nothing of the current file has been read
  uint64_t bytes_before_ = 0;
  uint64_t bytes_total_ = 0;
};

}  // namespace tern::text
