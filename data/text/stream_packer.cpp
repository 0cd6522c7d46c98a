#include "data/text/stream_packer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tern::text {

void StreamPacker::add(const DocumentAddress& address, std::vector<TokenId> tokens) {
  TERN_CHECK(!tokens.empty(), "a document without even BOS");
  documents_.push_back({address, std::move(tokens)});
}

void StreamPacker::fill(std::span<int64_t> run, const std::function<void()>& refill) {
  while (!run.empty()) {
    while (documents_.empty()) refill();
    const std::vector<TokenId>& tokens = documents_.front().tokens;
    const size_t taken = std::min(run.size(), tokens.size() - static_cast<size_t>(used_));
    std::copy_n(tokens.begin() + used_, taken, run.begin());
    run = run.subspan(taken);
    used_ += static_cast<int64_t>(taken);
    if (used_ < static_cast<int64_t>(tokens.size())) return;
    documents_.pop_front();
    used_ = 0;
  }
}

std::vector<DocumentAddress> StreamPacker::buffered() const {
  std::vector<DocumentAddress> addresses;
  for (const Document& document : documents_) addresses.push_back(document.address);
  return addresses;
}

bool StreamPacker::skip(int64_t tokens) {
  const int64_t available = documents_.empty() ? 0 : static_cast<int64_t>(documents_.front().tokens.size());
  if (tokens < 0 || (tokens > 0 && tokens >= available)) return false;
  used_ = tokens;
  return true;
}

}  // namespace tern::text
