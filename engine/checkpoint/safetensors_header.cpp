#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "engine/checkpoint/dtype.h"
#include "engine/checkpoint/safetensors.h"

namespace tern {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error(ErrorKind::checkpoint, "damaged safetensors header: " + what, where);
}

// nlohmann keeps the last of two equal keys without a word; here they are an attack or an accident.
Json parse_without_duplicates(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys_of_open_objects;
  std::optional<std::string> duplicate;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys_of_open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_of_open_objects.pop_back();
    if (event == Json::parse_event_t::key && !keys_of_open_objects.back().insert(value.get<std::string>()).second) {
      duplicate = value.get<std::string>();
    }
    return true;
  };
  Json root = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (root.is_discarded() || !root.is_object()) refuse("not a JSON object", where);
  if (duplicate) refuse("name \"" + *duplicate + "\" occurs twice", where);
  return root;
}

std::map<std::string, std::string> parse_metadata(const Json& value, const std::string& where) {
  std::map<std::string, std::string> metadata;
  if (!value.is_object()) refuse("__metadata__ is not an object", where);
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) refuse("__metadata__ value \"" + key + "\" is not a string", where);
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

// Bytes of a tensor. Zero dimensions are taken as one on the way, as strides are computed that way too.
uint64_t checked_bytes(const std::vector<int64_t>& shape, size_t element_size, const std::string& where) {
  int64_t bytes = static_cast<int64_t>(element_size);
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) refuse("shape is too large", where);
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

uint64_t unsigned_number(const Json& value, const std::string& what, const std::string& where) {
  if (!value.is_number_unsigned()) refuse(what + " is not a natural number", where);
  const uint64_t number = value.get<uint64_t>();
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) refuse(what + " is too large", where);
  return number;
}

at::ScalarType parse_dtype(const Json& value, const std::string& where) {
  const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  for (const DtypeNames& names : dtype_names()) {
    if (!names.safetensors.empty() && names.safetensors == name) return names.dtype;
  }
  refuse("unsupported dtype " + name, where);
}

SafetensorsEntry parse_entry(const std::string& name, const Json& value, const std::string& file) {
  const std::string where = "tensor " + name + " of " + file;
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    refuse("an entry needs exactly dtype, shape and data_offsets", where);
  }
  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = parse_dtype(value["dtype"], where);
  if (!value["shape"].is_array()) refuse("shape is not a list", where);
  for (const Json& size : value["shape"]) {
    entry.shape.push_back(static_cast<int64_t>(unsigned_number(size, "a size", where)));
  }
  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) refuse("data_offsets is not a pair", where);
  entry.begin = unsigned_number(offsets[0], "an offset", where);
  entry.end = unsigned_number(offsets[1], "an offset", where);
  if (entry.end < entry.begin) refuse("data_offsets run backwards", where);
  const uint64_t bytes = checked_bytes(entry.shape, c10::elementSize(entry.dtype), where);
  if (entry.end - entry.begin != bytes) {
    refuse(fmt::format("shape needs {} bytes and data_offsets span {}", bytes, entry.end - entry.begin), where);
  }
  return entry;
}

void check_tiling(const std::vector<SafetensorsEntry>& entries, uint64_t data_bytes, const std::string& where) {
  std::vector<const SafetensorsEntry*> by_offset;
  by_offset.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  uint64_t expected = 0;
  for (const SafetensorsEntry* entry : by_offset) {
    if (entry->begin != expected) {
      refuse(fmt::format("starts at byte {} where {} was expected (gap or overlap)", entry->begin, expected),
             "tensor " + entry->name + " of " + where);
    }
    expected = entry->end;
  }
  if (expected != data_bytes) {
    refuse(fmt::format("describes {} bytes of data and the file holds {}", expected, data_bytes), where);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, uint64_t data_bytes, const std::string& where) {
  if (json.empty() || json.front() != '{') refuse("does not start with {", where);
  SafetensorsHeader header;
  const Json root = parse_without_duplicates(json, where);
  for (const auto& [name, value] : root.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(value, where);
    } else {
      header.entries.push_back(parse_entry(name, value, where));
    }
  }
  check_tiling(header.entries, data_bytes, where);
  return header;
}

}  // namespace tern
