// The instructions of a kernel with its loops, out of cuobjdump's text.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tern::roofline {

using Mix = std::map<std::string, int>;  // opcode ("HMMA") -> how many

[[nodiscard]] int total(const Mix& mix);

struct Loop {
  Mix own;  // without what is in loops inside of it
  int depth = 0;
};

struct SassKernel {
  Mix straight;             // outside of all loops
  std::vector<Loop> loops;  // in the order in which they end
};

// Keyed by the short demangled name ("f<Bf16, 32>"). A loop is what lies between a backward branch and its target.
[[nodiscard]] std::map<std::string, SassKernel> read_sass(const std::string& text);

}  // namespace tern::roofline
