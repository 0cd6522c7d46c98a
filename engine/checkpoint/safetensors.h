// The safetensors format: an 8-byte little-endian header length, a JSON header, the tensors' bytes. Files are
// interchangeable with the Python package of that name. Little-endian machines only, as torch itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/file_io.h"
#include "engine/checkpoint/tensor_list.h"

namespace tern {

// Length limit of the JSON header, the Python package's own.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // bytes from the end of the header
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;        // in the header's order
  std::map<std::string, std::string> metadata;  // __metadata__
};

// Parses the JSON header of a file with data_bytes bytes behind it. Throws Error(checkpoint) naming where unless every
// tensor's dtype, shape and offsets agree and the tensors tile the data exactly: no gap, overlap or duplicate name.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::string_view json, uint64_t data_bytes,
                                                         const std::string& where);

struct SafetensorsFile {
  TensorList tensors;  // CPU, each owns its memory
  std::map<std::string, std::string> metadata;
};

[[nodiscard]] SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);
[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Throws Error(checkpoint) naming where and the tensor for a duplicate or reserved name, or a dtype the format lacks.
void check_storable(const TensorList& tensors, const std::string& where);

// Writes a whole file. CPU tensors of any strides. They lie in the file by falling element size, so that each is
// aligned; the header keeps the order of the list. Throws Error(checkpoint): disk full, or what check_storable refuses.
void write_safetensors(OutputFile& file, const TensorList& tensors,
                       const std::map<std::string, std::string>& metadata = {});

// The same at path, atomically.
void write_safetensors_file(const std::filesystem::path& path, const TensorList& tensors);

}  // namespace tern
