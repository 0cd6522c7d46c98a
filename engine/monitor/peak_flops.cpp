#include "engine/monitor/peak_flops.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace tern {

namespace {

struct Peak {
  std::string_view name;
  std::string_view variant;  // another part of the name; empty: any
  double tera;
};

// The first row whose words are in the name counts: variants stand before the plain name.
constexpr std::array<Peak, 29> kPeaks = {{
    {"gb200", "", 2500},    {"grace blackwell", "", 2500},
    {"b200", "", 2250},     {"b100", "", 1800},
    {"h200", "nvl", 836},   {"h200", "pcie", 836},
    {"h200", "", 989},      {"h100", "nvl", 835},
    {"h100", "pcie", 756},  {"h100", "", 989},
    {"h800", "nvl", 989},   {"h800", "", 756},
    {"a100", "", 312},      {"a800", "", 312},
    {"a40", "", 149.7},     {"a30", "", 165},
    {"l40s", "", 362},      {"l40-s", "", 362},
    {"l40 s", "", 362},     {"l4", "", 121},
    {"mi355", "", 2500},    {"mi325", "", 1307.4},
    {"mi300x", "", 1307.4}, {"mi300a", "", 980.6},
    {"mi250x", "", 383},    {"mi250", "", 362.1},
    {"5090", "", 209.5},    {"4090", "", 165.2},
    {"3090", "", 71},
}};

}  // namespace

double peak_flops(const std::string& device_name) {
  std::string lower = device_name;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [name, variant, tera] : kPeaks) {
    if (lower.find(name) != std::string::npos && lower.find(variant) != std::string::npos) {
      return tera * 1e12;
    }
  }
  return 0;
}

}  // namespace tern
