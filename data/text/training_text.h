// The text that a tokenizer learns from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/text/document_reader.h"
#include "data/text/document_source.h"
#include "data/text/piece_counts.h"

namespace tern::text {

// Characters are code points. Of each document the first doc_cap are used; after the document that brings the total
// over max_chars no more are read. nanochat's tok_train has the same two limits and defaults.
struct TrainingTextOptions {
  int64_t max_chars = 2'000'000'000;
  int64_t doc_cap = 10'000;
  int threads = 1;
};

struct TrainingText {
  PieceCounts pieces;
  int64_t documents = 0;
  int64_t characters = 0;
};

// Gives documents a batch at a time: puts the next ones into its argument, false when there are none left.
using NextDocuments = std::function<bool(std::vector<std::string>& documents)>;

// Those of a split, a row group at a time, and those of text files. The argument must outlive what is returned.
[[nodiscard]] NextDocuments documents_of(DocumentSource& source);
[[nodiscard]] NextDocuments documents_of(DocumentReader& reader);

// Counts the pieces of documents in order. progress, if given, is called after each batch with the number of documents
// read so far.
[[nodiscard]] TrainingText read_training_text(const NextDocuments& next, const TrainingTextOptions& options,
                                              const std::function<void(int64_t documents)>& progress = {});

}  // namespace tern::text
