// The copy of a snapshot that is written while training goes on. Buffers are kept from save to save.
#pragma once

#include "engine/checkpoint/snapshot.h"

namespace tern {

class StagedSnapshot {
 public:
  // Copies everything; memory of the last copy is reused where dtype and shape fit, which is every save after the
  // first. At most one copy of the snapshot exists at any time. Throws what the allocator throws.
  void copy(const Snapshot& source);

  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }

  // Gives the memory back.
  void clear() { snapshot_ = {}; }

 private:
  Snapshot snapshot_;
};

}  // namespace tern
