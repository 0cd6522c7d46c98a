// Reads what ptxas and the disassembler say about compiled kernels.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace tern::kernels::test {

struct KernelReport {
  int registers = 0;
  int stack_bytes = 0, spill_store_bytes = 0, spill_load_bytes = 0;
  int static_shared_bytes = 0;
  std::map<std::string, int> instructions;  // empty without a disassembly
};

// A file's whole text. Throws std::runtime_error for one that can't be read or is empty.
std::string read_report(const std::filesystem::path& path);

// Both are keyed by the short demangled name (Budget::kernel). Throw std::runtime_error on text they can't read.
std::map<std::string, KernelReport> read_ptxas_log(const std::string& text);
void add_sass_counts(const std::string& text, std::map<std::string, KernelReport>& reports);

// "_ZN4tern7kernels1fI...E" -> "f<Bf16, 32>"
std::string short_kernel_name(const std::string& mangled);

}  // namespace tern::kernels::test
