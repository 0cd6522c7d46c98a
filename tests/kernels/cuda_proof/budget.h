// What a kernel may cost, written down by hand; the static test compares it with what the compiler made.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tern::kernels::test {

struct Budget {
  std::string kernel;  // as demangled, without namespaces, result and parameters: "f<Bf16, 32>"
  int threads;         // per block
  size_t dynamic_shared_bytes;
  int registers;      // at most, on every architecture
  int blocks_per_sm;  // at least, on every architecture
  // SASS instructions by opcode ("HMMA", "LDG"), exactly, by a closed formula of the template arguments.
  std::map<std::string, int> instructions;
};

// Defined once per kernel, in <op>_budget.cpp: one entry for every kernel in <op>_cuda.cu.
std::vector<Budget> budgets();

// Paths of the reports to judge, separated by colons: <name>.sm_<arch>.ptxas (log of ptxas -v), and beside each, where
// the tool was found, <name>.sm_<arch>.sass.
const char* report_file_list();

}  // namespace tern::kernels::test
