#include "data/text/document_reader.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/json_lines.h"

namespace tern::text {

namespace {

namespace fs = std::filesystem;

// Extension before .gz or .zst.
std::string kind_of(const fs::path& path) {
  const std::string last = path.extension();
  return last == ".gz" || last == ".zst" ? path.stem().extension() : path.extension();
}

bool is_json_lines(const fs::path& path) {
  const std::string kind = kind_of(path);
  return kind == ".jsonl" || kind == ".ndjson";
}

bool is_text_file(const fs::path& path) {
  const std::string kind = kind_of(path);
  return is_json_lines(path) || kind == ".txt" || kind == ".md";
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

// Whether a blank line separates two lines of text.
bool has_paragraphs(const fs::path& path) {
  LineReader lines(open_bytes(path));
  std::string line;
  bool text_before = false;
  bool blank_before = false;
  while (lines.next(line)) {
    const bool blank = is_blank(line);
    if (!blank && text_before && blank_before) return true;
    text_before = text_before || !blank;
    blank_before = blank;
  }
  return false;
}

// What TextSplit::automatic means for these files.
TextSplit choose_split(const std::vector<fs::path>& files) {
  std::vector<fs::path> plain;
  std::copy_if(files.begin(), files.end(), std::back_inserter(plain),
               [](const fs::path& p) { return !is_json_lines(p); });
  if (plain.size() != 1) return TextSplit::files;
  return has_paragraphs(plain[0]) ? TextSplit::blank_lines : TextSplit::lines;
}

std::vector<fs::path> files_in_folder(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_text_file(entry.path())) found.push_back(entry.path());
  }
  if (found.empty()) {
    throw Error(ErrorKind::data, "no .txt, .md, .jsonl or .ndjson file in the folder", folder.string(),
                "name another folder, or the files themselves");
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<fs::path> find_text_files(const std::vector<fs::path>& inputs) {
  std::vector<fs::path> files;
  for (const auto& input : inputs) {
    if (fs::is_directory(input)) {
      const auto found = files_in_folder(input);
      files.insert(files.end(), found.begin(), found.end());
    } else if (fs::exists(input)) {
      files.push_back(input);
    } else {
      throw Error(ErrorKind::data, "no such file or folder", input.string(), "check the path");
    }
  }
  return files;
}

DocumentReader::DocumentReader(std::vector<fs::path> files, ReadOptions options)
    : files_(std::move(files)), options_(std::move(options)) {
  for (const auto& file : files_) {
    if (!fs::is_regular_file(file)) {
      throw Error(ErrorKind::data, fs::exists(file) ? "not a regular file" : "no such file", file.string(),
                  "check the path");
    }
    bytes_total_ += fs::file_size(file);
  }
  if (options_.split == TextSplit::automatic) options_.split = choose_split(files_);
}

uint64_t DocumentReader::bytes_read() const {
  return bytes_before_ + (lines_ ? lines_->consumed() : 0);
}

bool DocumentReader::open_next_file() {
  if (lines_) bytes_before_ += lines_->consumed();
  lines_.reset();
  if (next_file_ == files_.size()) return false;
  is_json_ = is_json_lines(files_[next_file_]);
  lines_ = std::make_unique<LineReader>(open_bytes(files_[next_file_]));
  is_new_ = true;
  ++next_file_;
  return true;
}

bool DocumentReader::next(std::string& document) {
  if (!lines_ && !open_next_file()) return false;
  while (!next_in_file(document)) {
    if (!open_next_file()) return false;
  }
  return true;
}

bool DocumentReader::next_in_file(std::string& document) {
  if (is_json_) return next_json(document);
  switch (options_.split) {
    case TextSplit::lines: return next_line(document);
    case TextSplit::blank_lines: return next_paragraph(document);
    default: return whole_file(document);
  }
}

void DocumentReader::require_valid(std::string& text, uint64_t offset) const {
  require_utf8(text, options_.invalid, files_[next_file_ - 1].string(), offset);
}

// The next line that isn't blank, checked but otherwise as it is.
bool DocumentReader::next_filled_line(std::string& line) {
  do {
    if (!lines_->next(line)) return false;
  } while (is_blank(line));
  require_valid(line, lines_->offset());
  return true;
}

bool DocumentReader::next_json(std::string& document) {
  std::string line;
  if (!next_filled_line(line)) return false;
  const std::string where = files_[next_file_ - 1].string() + " line " + std::to_string(lines_->number());
  document = parse_json_line(line, options_.column, options_.invalid, where);
  return true;
}

bool DocumentReader::next_line(std::string& document) {
  if (!next_filled_line(document)) return false;
  if (document.ends_with('\r')) document.pop_back();
  return true;
}

bool DocumentReader::next_paragraph(std::string& document) {
  if (!next_filled_line(document)) return false;
  std::string line;
  while (lines_->next(line) && !is_blank(line)) {
    require_valid(line, lines_->offset());
    document += "\n" + line;
  }
  if (document.ends_with('\r')) document.pop_back();
  return true;
}

bool DocumentReader::whole_file(std::string& document) {
  if (!is_new_) return false;
  is_new_ = false;
  document = lines_->rest();
  require_valid(document, 0);
  return true;
}

}  // namespace tern::text
