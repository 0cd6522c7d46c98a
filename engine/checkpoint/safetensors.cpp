#include "engine/checkpoint/safetensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.h"
#include "engine/checkpoint/dtype.h"

namespace tern {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

namespace {

struct OpenedFile {
  SafetensorsHeader header;
  uint64_t data_begin;  // offset in the file
};

OpenedFile open_header(const InputFile& file, const std::filesystem::path& path) {
  const auto refuse = [&path](const std::string& what) {
    throw Error(ErrorKind::checkpoint, "not a safetensors file: " + what, path.string());
  };
  uint64_t length = 0;
  if (file.size() < sizeof(length)) refuse("shorter than 8 bytes");
  file.read(0, &length, sizeof(length));
  if (length > kMaxSafetensorsHeader) refuse("header length " + std::to_string(length) + " is beyond the limit");
  if (length > file.size() - sizeof(length)) refuse("the header is longer than the file");
  std::string json(length, '\0');
  file.read(sizeof(length), json.data(), json.size());
  const uint64_t data_begin = sizeof(length) + length;
  return {parse_safetensors_header(json, file.size() - data_begin, path.string()), data_begin};
}

// Order in which the tensors lie in the file. Falling element size keeps each aligned without padding, which the
// format does not allow.
std::vector<size_t> file_order(const TensorList& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&tensors](size_t a, size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

std::string header_text(const TensorList& tensors, const std::vector<size_t>& order,
                        const std::map<std::string, std::string>& metadata, const std::string& where) {
  std::vector<uint64_t> begin(tensors.size());
  uint64_t offset = 0;
  for (const size_t i : order) {
    begin[i] = offset;
    offset += tensors[i].second.nbytes();
  }
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  if (!metadata.empty()) root["__metadata__"] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    root[name] = {{"dtype", find_dtype(tensor.scalar_type())->safetensors},
                  {"shape", tensor.sizes().vec()},
                  {"data_offsets", {begin[i], begin[i] + tensor.nbytes()}}};
  }
  try {
    std::string text = root.dump();
    text.append((8 - text.size() % 8) % 8, ' ');  // the data then starts at a multiple of 8
    return text;
  } catch (const nlohmann::json::type_error&) {
    throw Error(ErrorKind::checkpoint, "a tensor's name is not UTF-8", where);
  }
}

}  // namespace

void check_storable(const TensorList& tensors, const std::string& where) {
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    const std::string place = "tensor " + name + " of " + where;
    if (name == "__metadata__") throw Error(ErrorKind::checkpoint, "the name is reserved", place);
    if (!names.insert(name).second) throw Error(ErrorKind::checkpoint, "the name occurs twice", place);
    if (!tensor.defined()) throw Error(ErrorKind::checkpoint, "the tensor is undefined", place);
    const DtypeNames* dtype = find_dtype(tensor.scalar_type());
    if (dtype == nullptr || dtype->safetensors.empty()) {
      throw Error(ErrorKind::checkpoint,
                  std::string("dtype ") + c10::toString(tensor.scalar_type()) + " has no place in safetensors", place);
    }
  }
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  return open_header(InputFile(path), path).header;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const InputFile file(path);
  OpenedFile opened = open_header(file, path);
  SafetensorsFile result;
  result.metadata = std::move(opened.header.metadata);
  for (const SafetensorsEntry& entry : opened.header.entries) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.dtype));
    file.read(opened.data_begin + entry.begin, tensor.mutable_data_ptr(), tensor.nbytes());
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

void write_safetensors(OutputFile& file, const TensorList& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string where = file.path().string();
  check_storable(tensors, where);
  const std::vector<size_t> order = file_order(tensors);
  const std::string header = header_text(tensors, order, metadata, where);
  const uint64_t length = header.size();
  if (length > kMaxSafetensorsHeader) {
    throw Error(ErrorKind::checkpoint, "too many tensors for a safetensors header", where);
  }
  file.write(&length, sizeof(length));
  file.write(header);
  for (const size_t i : order) {
    TERN_CHECK(tensors[i].second.is_cpu(), tensors[i].first);
    const at::Tensor contiguous = tensors[i].second.contiguous();
    file.write(contiguous.const_data_ptr(), contiguous.nbytes());
  }
}

void write_safetensors_file(const std::filesystem::path& path, const TensorList& tensors) {
  write_whole_file(path, [&](OutputFile& file) { write_safetensors(file, tensors); });
}

}  // namespace tern
