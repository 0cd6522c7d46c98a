#include "engine/monitor/text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace tern {

namespace {

bool continues_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::string three_digits(double value) {
  if (value < 9.995) return fmt::format("{:.2f}", value);
  if (value < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

}  // namespace

std::string duration_text(double seconds) {
  // Above this a clock time says nothing, and the conversion below would overflow.
  constexpr double kLongest = 1e12;
  if (!(seconds >= 0) || seconds > kLongest) return "?";
  const auto total = static_cast<int64_t>(std::llround(seconds));
  const int64_t days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
  if (days > 0) return fmt::format("{}d {:02}:{:02}", days, hours, minutes);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{}:{:02}", minutes, total % 60);
}

std::string rate_text(double value) {
  if (!std::isfinite(value)) return "?";
  if (value < 0) return "-" + rate_text(-value);
  if (value > 0 && value < 0.095) return fmt::format("{:.2g}", value);
  if (value < 999.5) return three_digits(value);
  if (value < 999.5e3) return three_digits(value / 1e3) + "k";
  if (value < 999.5e6) return three_digits(value / 1e6) + "M";
  return three_digits(value / 1e9) + "G";
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array units = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  // Kilobytes and less are whole numbers to a reader; from megabytes on one decimal counts.
  return fmt::format("{:.{}f} {}", value, unit < 2 ? 0 : 1, units[unit]);
}

size_t display_width(std::string_view utf8) {
  size_t width = 0;
  for (const char c : utf8) width += continues_code_point(c) ? 0 : 1;
  return width;
}

std::string_view truncate_to_width(std::string_view utf8, size_t columns) {
  size_t end = 0;
  for (size_t width = 0; end < utf8.size(); ++end) {
    if (!continues_code_point(utf8[end]) && ++width > columns) break;
  }
  return utf8.substr(0, end);
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return result;
}

}  // namespace tern
