// CRC-32C (Castagnoli), as the TFRecord framing of TensorBoard's files uses it.
#pragma once

#include <cstdint>
#include <string_view>

namespace tern {

// Polynomial 0x1EDC6F41, reflected; RFC 3720, appendix B.4 has test vectors.
[[nodiscard]] uint32_t crc32c(std::string_view bytes);

// TFRecord's masking, so that a CRC of data that holds CRCs stays strong: rotate right by 15, add 0xa282ead8.
[[nodiscard]] uint32_t masked_crc32c(std::string_view bytes);

}  // namespace tern
