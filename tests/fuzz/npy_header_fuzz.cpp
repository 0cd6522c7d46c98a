// The bytes of an npy file; what is accepted must hold exactly the data that its shape says.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "base/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const tern::NpyArray array = tern::parse_npy(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
    uint64_t bytes = static_cast<uint64_t>(array.type.size);
    for (const int64_t extent : array.shape) bytes *= static_cast<uint64_t>(extent);
    if (bytes != array.data.size() || bytes > size) std::abort();
    // Every value can be read, and what is written for the same array is accepted again.
    (void)array.to_double();
    std::string copy = tern::npy_header(array.type, array.shape);
    copy.append(reinterpret_cast<const char*>(array.data.data()), array.data.size());
    if (tern::parse_npy(std::as_bytes(std::span(copy)), nullptr, "copy").shape != array.shape) std::abort();
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
