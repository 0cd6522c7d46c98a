// LibTorch's store inside of a SharedStore, for the other files of this folder.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>
#include <utility>

#include "engine/distributed/rendezvous.h"

namespace tern {

struct SharedStore::Impl {
  c10::intrusive_ptr<c10d::Store> store;
};

}  // namespace tern
