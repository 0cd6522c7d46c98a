// NumPy's .npz: a zip archive of .npy members, stored (numpy.savez) or deflated (numpy.savez_compressed), Zip64 too.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/npy.h"

namespace tern {

using NpzArrays = std::map<std::string, NpyArray>;

// Reads every member, keyed by its name without ".npy". Stored members stay mapped, deflated ones are unpacked into
// memory; every member's CRC-32 is checked. Throws Error(data) naming the file (and the member) when it isn't readable,
// isn't a zip archive, is damaged, or holds something that is encrypted, compressed otherwise or not npy.
[[nodiscard]] NpzArrays read_npz(const std::filesystem::path& path);

// The same for bytes already in memory, which owner keeps alive; name stands for the file in errors.
[[nodiscard]] NpzArrays parse_npz(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  const std::string& name);

// The array of that name. Throws Error(data) naming the file and listing what it holds when it is missing.
[[nodiscard]] const NpyArray& require_array(const NpzArrays& arrays, const std::string& name,
                                            const std::filesystem::path& path);

}  // namespace tern
