#include "bench/roofline/sass.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include "tests/kernels/cuda_proof/compiler_report.h"

namespace tern::roofline {
namespace {

struct Instruction {
  int address;
  std::string opcode;
  int target = -1;  // of a branch
};

struct Range {
  int begin, end;
};

SassKernel find_loops(const std::vector<Instruction>& code) {
  std::vector<Range> ranges;
  for (const Instruction& one : code) {
    // A branch to itself is the padding behind the kernel's end.
    if (one.target >= 0 && one.target < one.address) ranges.push_back({one.target, one.address});
  }
  SassKernel kernel;
  const auto holds = [](const Range& range, int address) { return range.begin <= address && address <= range.end; };
  for (const Range& range : ranges) {
    Loop loop;
    for (const Range& outer : ranges) loop.depth += outer.begin <= range.begin && outer.end > range.end ? 1 : 0;
    kernel.loops.push_back(loop);
  }
  for (const Instruction& one : code) {
    int innermost = -1;
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (!holds(ranges[i], one.address)) continue;
      if (innermost < 0 || kernel.loops[i].depth > kernel.loops[static_cast<size_t>(innermost)].depth) {
        innermost = static_cast<int>(i);
      }
    }
    ++(innermost < 0 ? kernel.straight : kernel.loops[static_cast<size_t>(innermost)].own)[one.opcode];
  }
  return kernel;
}

}  // namespace

int total(const Mix& mix) {
  int sum = 0;
  for (const auto& [opcode, count] : mix) sum += count;
  return sum;
}

std::map<std::string, SassKernel> read_sass(const std::string& text) {
  // "        /*0a50*/             @!P0 BRA P1, 0x4160 ;   /* encoding */"
  static const std::regex instruction(R"(^\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P[0-9T]+\s+)?([A-Z][A-Z0-9_]*)([^;]*);)");
  static const std::regex address("0x([0-9a-f]+)");
  std::map<std::string, std::vector<Instruction>> code;
  std::vector<Instruction>* current = nullptr;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (const size_t at = line.find("Function : "); at != std::string::npos) {
      current = &code[kernels::test::short_kernel_name(line.substr(at + 11))];
    } else if (current != nullptr && std::regex_search(line, match, instruction)) {
      Instruction one{std::stoi(match[1], nullptr, 16), match[2]};
      if (one.opcode == "REDG") one.opcode = "RED";  // from sm_90 on
      const std::string operands = match[3];
      std::smatch target;
      if (one.opcode == "BRA" && std::regex_search(operands, target, address)) {
        one.target = std::stoi(target[1], nullptr, 16);
      }
      current->push_back(one);
    }
  }
  std::map<std::string, SassKernel> kernels;
  for (const auto& [name, list] : code) kernels[name] = find_loops(list);
  return kernels;
}

}  // namespace tern::roofline
