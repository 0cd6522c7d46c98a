// This project's half of tokenizer.py: does one task on documents that it has read into memory, prints its seconds.
//
//   tokenizer_worker train  DOCUMENTS.jsonl VOCAB_SIZE THREADS RANKS_OUT
//   tokenizer_worker encode DOCUMENTS.jsonl RANKS      THREADS IDS_OUT     (ids of all documents, int32, no separator)
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "apps/program.h"
#include "base/error.h"
#include "base/file.h"
#include "data/text/bpe_trainer.h"
#include "data/text/document_reader.h"
#include "data/text/encoder.h"
#include "data/text/piece_counts.h"

namespace tern::text {
namespace {

std::vector<std::string> read_documents(const char* path) {
  DocumentReader reader({path}, {});
  std::vector<std::string> documents;
  for (std::string document; reader.next(document);) documents.push_back(std::move(document));
  return documents;
}

template <typename Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double train(const std::vector<std::string>& documents, size_t vocab_size, int threads, const char* out) {
  std::vector<std::string> tokens;
  const double seconds = seconds_of([&] {
    PieceCounter counter(threads);
    counter.add(documents);
    tokens = train_bpe(counter.take(), vocab_size - kSpecialTokens.size());
  });
  write_file_atomically(out, format_ranks(tokens));
  return seconds;
}

double encode(const std::vector<std::string>& documents, const char* ranks, int threads, const char* out) {
  BatchEncoder encoder(Tokenizer::read(ranks), threads);
  std::vector<std::vector<TokenId>> tokens;
  const double seconds = seconds_of([&] { tokens = encoder.encode(documents); });
  std::string bytes;
  for (const auto& ids : tokens) bytes.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId));
  write_file_atomically(out, bytes);
  return seconds;
}

int run(int argc, char** argv) {
  const std::string task = argc == 6 ? argv[1] : "";
  if (task != "train" && task != "encode") throw Error(ErrorKind::usage, "see the head of tokenizer_worker.cpp");
  const auto documents = read_documents(argv[2]);
  const int threads = std::stoi(argv[4]);
  const double seconds = task == "train" ? train(documents, std::stoul(argv[3]), threads, argv[5])
                                         : encode(documents, argv[3], threads, argv[5]);
  std::printf("%.6f\n", seconds);
  return 0;
}

}  // namespace
}  // namespace tern::text

int main(int argc, char** argv) {
  return tern::run_program([&] { return tern::text::run(argc, argv); });
}
