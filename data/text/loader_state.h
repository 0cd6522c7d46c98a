// Where a packing loader stands, to the exact token: what a checkpoint keeps of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/packer.h"

namespace tern::text {

struct LoaderState {
  StreamPosition position;                // the next document that the buffer will take in
  std::vector<DocumentAddress> buffered;  // documents taken in and not used up, in order
  int64_t used = 0;                       // tokens of the first of them that are in rows already
  Packing packing = Packing::best_fit;    // which way; with nothing buffered it goes on either way
  int64_t rows = 0;                       // rows made since the start of the run
  int64_t world_size = 1;                 // ranks that share the data
  int64_t rank = 0;
  int64_t documents = 0;  // of the whole split: tells whether the data is still the same; 0: not known

  bool operator==(const LoaderState&) const = default;

  // One line of JSON, about 12 bytes a buffered document.
  [[nodiscard]] std::string to_json() const;
  // Throws Error(checkpoint) when text isn't what to_json writes. where names its origin in the message.
  [[nodiscard]] static LoaderState from_json(std::string_view text, const std::string& where);

  // From the state that nanochat's loader keeps ({"pq_idx": 0, "rg_idx": 5, "epoch": 1}), as nanochat resumes from it:
  // with an empty buffer, at the row group after the one named. Also the way to go on with another number of ranks.
  [[nodiscard]] static LoaderState after_row_group(int64_t file, int64_t row_group, int64_t epoch, int64_t rank,
                                                   int64_t world_size);
};

}  // namespace tern::text
