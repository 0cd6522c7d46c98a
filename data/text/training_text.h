// The text that a tokenizer learns from.
#pragma once

#include <cstdint>
#include <functional>

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

// Counts the pieces of the documents of source, in order. progress, if given, is called after each row group with the
// number of documents read so far.
[[nodiscard]] TrainingText read_training_text(DocumentSource& source, const TrainingTextOptions& options,
                                              const std::function<void(int64_t documents)>& progress = {});

}  // namespace tern::text
