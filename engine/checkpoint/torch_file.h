// Files of Python's torch.save(state_dict): a zip of stored (uncompressed) records and a pickle. The pickle is read by
// an interpreter of our own that knows tensors and plain values and refuses every other class by name, so a hostile
// file can't run code.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/tensor_list.h"

namespace tern {

struct PickleValue;

struct TorchFile {
  TensorList tensors;                // in the dictionary's order; names as in the file; may share storage, as in Python
  std::vector<std::string> skipped;  // entries of the dictionary that aren't tensors
};

// Whether path begins as torch.save's files do, today's or the old ones that read_torch_file refuses with advice.
[[nodiscard]] bool is_torch_file(const std::filesystem::path& path);

// Reads a dict or OrderedDict of tensors or parameters; where that dict holds none itself, the one under its key
// "model", "state_dict" or "model_state_dict". Every record's CRC-32 is checked. Throws Error(checkpoint) naming path
// and reason.
[[nodiscard]] TorchFile read_torch_file(const std::filesystem::path& path);

// The same for a file in memory; where names it in errors.
[[nodiscard]] TorchFile parse_torch_file(std::span<const std::byte> bytes, const std::string& where);

// Writes a file that Python's torch.load(weights_only=True) reads as a dict of tensors. Atomic: path is the old file or
// the whole new one. CPU tensors of any strides and any dtype that dtype.h lists.
void write_torch_file(const std::filesystem::path& path, const TensorList& tensors);

// Any other object that torch.save wrote, such as an optimizer's state dict: visit is called with it, and it lives as
// long as that call (see pickle.h). A PickleProblem that visit throws becomes an Error(checkpoint) naming path.
void read_torch_object(const std::filesystem::path& path, const std::function<void(PickleValue*)>& visit);

// Writes dicts, lists, tuples, plain values and CPU tensors as torch.save would; storages and globals are refused by a
// check. Atomic.
void write_torch_object(const std::filesystem::path& path, const PickleValue& object);

}  // namespace tern
