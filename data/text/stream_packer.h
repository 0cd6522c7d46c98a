// Strings documents together and cuts the tokens where a batch is full, as nanochat's first release does.
#pragma once

#include <deque>

#include "data/text/packer.h"

namespace tern::text {

// No token is left out: a document goes on in the next run where the last one ended. Not thread-safe.
class StreamPacker : public Packer {
 public:
  void add(const DocumentAddress& address, std::vector<TokenId> tokens) override;
  void fill(std::span<int64_t> run, const std::function<void()>& refill) override;
  [[nodiscard]] std::vector<DocumentAddress> buffered() const override;
  [[nodiscard]] int64_t used() const override { return used_; }
  [[nodiscard]] bool skip(int64_t tokens) override;

 private:
  struct Document {
    DocumentAddress address;
    std::vector<TokenId> tokens;
  };

  std::deque<Document> documents_;
  int64_t used_ = 0;  // tokens of the first one; fewer than it has
};

}  // namespace tern::text
