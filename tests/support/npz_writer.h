// Writes small npz archives (stored members) for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/npz.h"

namespace tern::test {

template <class T>
NpyArray make_array(std::vector<T> values, std::vector<int64_t> shape) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return {npy_type_of<T>(), std::move(shape), std::as_bytes(std::span(*owner)), owner, "made by a test"};
}

void write_npz(const std::filesystem::path& path, const NpzArrays& arrays);

}  // namespace tern::test
