// The bytes of an npz archive. Checksums keep most changed members out, so the members' own format has its own target.
#include <cstdint>

#include "base/error.h"
#include "base/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    for (const auto& [name, array] : tern::parse_npz(std::as_bytes(std::span(data, size)), nullptr, "fuzz")) {
      (void)array.to_double();
    }
  } catch (const tern::Error&) {
    return 0;
  }
  return 0;
}
