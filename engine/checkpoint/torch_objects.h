// The classes and functions that a pickle of tensors calls.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/checkpoint/pickle.h"

namespace tern {

// Knows OrderedDict, tensors, parameters, storages of every dtype, dtypes, torch.Size and torch.device.
class TorchObjects : public PickleFactory {
 public:
  // Gives the storage that the file calls key; `bytes` is what the pickle says it needs.
  using StorageLoader = std::function<c10::Storage(const std::string& key, uint64_t bytes)>;

  explicit TorchObjects(StorageLoader load_storage) : load_storage_(std::move(load_storage)) {}

  [[nodiscard]] bool knows(const std::string& global) const override;
  PickleData call(const std::string& global, const std::vector<PickleRef>& args) override;
  PickleData persistent(PickleRef id) override;

 private:
  const StorageLoader load_storage_;
  std::unordered_map<std::string, c10::Storage> storages_;  // by key: views of one storage share it
};

}  // namespace tern
