// How documents fill the rows of a batch: what the ways have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/text/document_stream.h"
#include "data/text/vocabulary.h"

namespace tern::text {

// best_fit: every row begins with a document, and documents are chosen to fit (BestFitPacker). stream: documents one
// after the other, cut into batches wherever they end (StreamPacker).
enum class Packing { best_fit, stream };

[[nodiscard]] const char* packing_name(Packing packing);
// Throws Error(usage) for another name.
[[nodiscard]] Packing parse_packing(const std::string& name);

// Takes documents in and gives tokens out. Documents begin with BOS. Not thread-safe.
class Packer {
 public:
  virtual ~Packer() = default;

  // Puts a document behind those that are there. tokens must not be empty.
  virtual void add(const DocumentAddress& address, std::vector<TokenId> tokens) = 0;

  // Fills a run of tokens: of best_fit one row, of stream a whole batch. Calls refill when documents are missing; it
  // must add some.
  virtual void fill(std::span<int64_t> run, const std::function<void()>& refill) = 0;

  // Documents taken in and not used up, in order. With used() and the position of the stream behind them, all that a
  // packer is made of.
  [[nodiscard]] virtual std::vector<DocumentAddress> buffered() const = 0;

  // How many tokens of the first of them are used already, and the way back there: false if it has no more than that.
  [[nodiscard]] virtual int64_t used() const { return 0; }
  [[nodiscard]] virtual bool skip(int64_t tokens) { return tokens == 0; }
};

// buffer_size: of best_fit.
[[nodiscard]] std::unique_ptr<Packer> make_packer(Packing packing, int64_t buffer_size);

}  // namespace tern::text
