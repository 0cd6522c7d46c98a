// The first two bytes are the size of the data that the rest, a header, describes.
#include <cstdlib>

#include "base/error.h"
#include "engine/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint64_t data_bytes = data[0] | data[1] << 8;
  const std::string_view json(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    // What was accepted must tile the data.
    uint64_t total = 0;
    for (const auto& entry : tern::parse_safetensors_header(json, data_bytes, "fuzz").entries) {
      if (entry.end > data_bytes) std::abort();
      total += entry.end - entry.begin;
    }
    if (total != data_bytes) std::abort();
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
