// The endless order in which one rank goes through the documents of a split.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/text/document_source.h"

namespace tern::text {

// Where a document lies in its split.
struct DocumentAddress {
  int64_t file = 0;
  int64_t row_group = 0;
  int64_t document = 0;  // in the row group

  bool operator==(const DocumentAddress&) const = default;
};

// The next document of a stream. epoch counts the passes over the split from 1, as nanochat does.
struct StreamPosition {
  int64_t epoch = 1;
  DocumentAddress next;

  bool operator==(const StreamPosition&) const = default;
};

struct DocumentBatch {
  std::vector<std::string> documents;
  std::vector<DocumentAddress> addresses;  // as many
};

// Rank r of W takes row groups r, r + W, r + 2W, ... of every file, files in order, for ever: nanochat's slices. Where
// a split has fewer row groups than ranks in every file, some ranks would get nothing: then all ranks take all row
// groups, and rank r the documents r, r + W, ... of each. Not thread-safe.
class DocumentStream {
 public:
  // Throws Error(data) when there are fewer documents than ranks. source must outlive the stream.
  DocumentStream(DocumentSource& source, int64_t rank, int64_t world_size);

  // Up to max_documents documents from the position on, all of one row group; never none.
  [[nodiscard]] DocumentBatch next(int64_t max_documents);

  [[nodiscard]] const StreamPosition& position() const { return position_; }
  // Continues from a position that position() returned for the same data, rank and world size; from the next document
  // of this rank if none is at the position. Throws Error(data) when there is no such file.
  void seek(const StreamPosition& position);

  // The documents at some addresses, in their order, wherever the stream stands. Throws Error(data) when there is no
  // such document.
  [[nodiscard]] std::vector<std::string> fetch(const std::vector<DocumentAddress>& addresses);

 private:
  [[nodiscard]] bool has(const DocumentAddress& address) const;
  [[nodiscard]] DocumentAddress first_in_file(int64_t file) const;
  void settle();
  void load(const DocumentAddress& address);
  [[noreturn]] void no_such_document(const DocumentAddress& address) const;

  DocumentSource& source_;
  int64_t rank_;
  int64_t world_size_;
  bool slices_documents_;  // instead of row groups
  StreamPosition position_;
  DocumentAddress loaded_;  // row group that documents_ holds
  std::vector<std::string> documents_;
};

}  // namespace tern::text
