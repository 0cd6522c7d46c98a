// Fills rows of a fixed length with documents, without padding: nanochat's BOS-aligned best-fit packing.
#pragma once

#include "data/text/packer.h"

namespace tern::text {

// A row begins with the longest buffered document that fits, then the longest that fits in what remains, and so on;
// when none fits, the shortest is cropped to what remains and the rest of it is dropped. Among equally long documents
// the one that came first wins. Documents begin with BOS, so every row does. Not thread-safe.
class BestFitPacker : public Packer {
 public:
  // At least buffer_size documents are looked at for every choice.
  explicit BestFitPacker(int64_t buffer_size) : buffer_size_(buffer_size) {}

  void add(const DocumentAddress& address, std::vector<TokenId> tokens) override;
  // Calls refill before a choice as long as fewer than buffer_size documents are there.
  void fill(std::span<int64_t> row, const std::function<void()>& refill) override;
  [[nodiscard]] std::vector<DocumentAddress> buffered() const override;

 private:
  struct Document {
    DocumentAddress address;
    std::vector<TokenId> tokens;
  };
  struct Entry {
    int64_t length;
    size_t slot;  // in documents_
  };

  [[nodiscard]] size_t choose(int64_t remaining) const;
  Document take(size_t entry);

  int64_t buffer_size_;
  std::vector<Entry> order_;  // small, so that searching and removing stay cheap
  std::vector<Document> documents_;
  std::vector<size_t> free_slots_;
};

}  // namespace tern::text
