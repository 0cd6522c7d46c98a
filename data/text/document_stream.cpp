#include "data/text/document_stream.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace tern::text {

namespace {

bool every_rank_has_row_groups(const DocumentSource& source, int64_t world_size) {
  for (int64_t file = 0; file < source.num_files(); ++file) {
    if (source.num_row_groups(file) >= world_size) return true;
  }
  return false;
}

bool every_rank_has_documents(const DocumentSource& source, int64_t world_size) {
  for (int64_t file = 0; file < source.num_files(); ++file) {
    for (int64_t group = 0; group < source.num_row_groups(file); ++group) {
      if (source.num_documents(file, group) >= world_size) return true;
    }
  }
  return false;
}

}  // namespace

DocumentStream::DocumentStream(DocumentSource& source, int64_t rank, int64_t world_size)
    : source_(source),
      rank_(rank),
      world_size_(world_size),
      slices_documents_(!every_rank_has_row_groups(source, world_size)),
      loaded_{.file = -1} {
  TERN_CHECK(rank >= 0 && rank < world_size, "rank " + std::to_string(rank) + " of " + std::to_string(world_size));
  if (slices_documents_ && !every_rank_has_documents(source, world_size)) {
    throw Error(ErrorKind::data, "fewer documents than the " + std::to_string(world_size) + " ranks", source.name(),
                "give more documents, or start fewer processes");
  }
  position_.next = first_in_file(0);
  settle();
}

DocumentAddress DocumentStream::first_in_file(int64_t file) const {
  return slices_documents_ ? DocumentAddress{file, 0, rank_} : DocumentAddress{file, rank_, 0};
}

bool DocumentStream::has(const DocumentAddress& address) const {
  return address.file >= 0 && address.file < source_.num_files() && address.row_group >= 0 &&
         address.row_group < source_.num_row_groups(address.file) && address.document >= 0 &&
         address.document < source_.num_documents(address.file, address.row_group);
}

// Moves the position from the end of a row group, file or split to the document that comes next.
void DocumentStream::settle() {
  DocumentAddress& next = position_.next;
  int64_t passes = 0;
  while (!has(next)) {
    if (next.file >= source_.num_files()) {
      if (++passes == 2) {
        throw Error(ErrorKind::data, "no documents for rank " + std::to_string(rank_), source_.name(),
                    "leave out empty row groups, or start fewer processes");
      }
      ++position_.epoch;
      next = first_in_file(0);
    } else if (next.row_group >= source_.num_row_groups(next.file)) {
      next = first_in_file(next.file + 1);
    } else {
      next.row_group += slices_documents_ ? 1 : world_size_;
      next.document = slices_documents_ ? rank_ : 0;
    }
  }
}

void DocumentStream::load(const DocumentAddress& address) {
  if (address.file == loaded_.file && address.row_group == loaded_.row_group) return;
  documents_ = source_.read_row_group(address.file, address.row_group);
  loaded_ = address;
}

DocumentBatch DocumentStream::next(int64_t max_documents) {
  DocumentAddress& next = position_.next;
  load(next);
  DocumentBatch batch;
  while (next.document < static_cast<int64_t>(documents_.size()) &&
         static_cast<int64_t>(batch.documents.size()) < max_documents) {
    batch.documents.push_back(documents_[static_cast<size_t>(next.document)]);
    batch.addresses.push_back(next);
    next.document += slices_documents_ ? world_size_ : 1;
  }
  settle();
  return batch;
}

void DocumentStream::no_such_document(const DocumentAddress& address) const {
  throw Error(ErrorKind::data,
              "the state to resume from names document " + std::to_string(address.document) + " of row group " +
                  std::to_string(address.row_group) + " of file " + std::to_string(address.file) +
                  ", which isn't there",
              source_.name(), "resume with the data that the run was started with");
}

void DocumentStream::seek(const StreamPosition& position) {
  const DocumentAddress& next = position.next;
  const bool is_inside = next.file >= 0 && next.file < source_.num_files() && next.row_group >= 0 && next.document >= 0;
  if (!is_inside) no_such_document(next);
  position_ = position;
  settle();
}

std::vector<std::string> DocumentStream::fetch(const std::vector<DocumentAddress>& addresses) {
  // Each row group is read once, however its documents are scattered in the list.
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> by_row_group;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (!has(addresses[i])) no_such_document(addresses[i]);
    by_row_group[{addresses[i].file, addresses[i].row_group}].push_back(i);
  }
  std::vector<std::string> documents(addresses.size());
  for (const auto& [row_group, places] : by_row_group) {
    load(addresses[places[0]]);
    for (const size_t i : places) documents[i] = documents_[static_cast<size_t>(addresses[i].document)];
  }
  return documents;
}

}  // namespace tern::text
