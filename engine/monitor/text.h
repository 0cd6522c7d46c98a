// How numbers are worded for people. Pure functions, pinned by golden tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tern {

// 7 -> "0:07", 192 -> "3:12", 7509 -> "2:05:09", 90061 -> "1d 01:01"; negative or non-finite -> "?".
[[nodiscard]] std::string duration_text(double seconds);

// "0.94", "12.3", "812", "45.1k", "3.2M": three significant digits, for rates and counts.
[[nodiscard]] std::string rate_text(double value);

// "312 kB", "1.2 MB", "3.1 GB", decimal units.
[[nodiscard]] std::string bytes_text(uint64_t bytes);

// Number of terminal columns of UTF-8 text, one per code point.
[[nodiscard]] size_t display_width(std::string_view utf8);

// The first `columns` code points of UTF-8 text.
[[nodiscard]] std::string_view truncate_to_width(std::string_view utf8, size_t columns);

// Text with control characters (escape sequences, line ends) replaced by spaces, so that a name can't drive a terminal.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace tern
