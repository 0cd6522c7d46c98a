// One list of cases per kernel, asked by every engine: fibers under several thread orders, race detector,
// AddressSanitizer, PTX interpreter, and a GPU where there is one.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace tern::kernels::test {

// |value - expected| <= absolute + relative * |expected|; NaN equals NaN, infinities equal themselves.
struct Tolerance {
  double absolute = 0, relative = 0;
};

struct Output {
  std::string name;
  std::vector<double> values;
};

struct Expected {
  std::string name;            // of the output
  std::vector<double> values;  // computed in float64
  Tolerance tolerance;         // against values
  Tolerance engines;           // between engines: zero where every operation is exactly rounded on all of them
};

struct Case {
  std::string name;                          // letters, digits and underscores
  std::function<std::vector<Output>()> run;  // makes buffers, launches, reads back
  std::function<std::vector<Expected>()> expected;
  bool large = false;  // only where the kernel runs at full speed
  // Of a kernel that sums by atomics, whose results may differ in the last bits from one order of blocks to another:
  // runs it and gives those sums before they are rounded. Empty: all orders give the same bits.
  std::function<std::vector<Output>()> sums_in_any_order{};
};
inline void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}  // for GoogleTest

// Defined once per kernel, in <op>_cases.cpp.
std::vector<Case> proof_cases();

}  // namespace tern::kernels::test
