#include "tests/kernels/cuda_proof/compiler_report.h"

#include <cxxabi.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace tern::kernels::test {
namespace {

// Number before `unit` in "..., 32 bytes smem, ..."; 0 if the unit isn't mentioned.
int number_before(const std::string& line, const std::string& unit) {
  std::smatch match;
  return std::regex_search(line, match, std::regex("(\\d+) " + unit)) ? std::stoi(match[1]) : 0;
}

// Position behind a template argument list or parameter list that opens at `open`.
size_t skip_brackets(const std::string& text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '<' || text[i] == '(') ++depth;
    if (text[i] == '>' || text[i] == ')') --depth;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

}  // namespace

std::string short_kernel_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0) throw std::runtime_error("can't demangle " + mangled);
  std::string name = std::regex_replace(std::string(text.get()), std::regex("tern::kernels::"), "");
  if (name.compare(0, 5, "void ") == 0) name = name.substr(5);
  const size_t open = name.find_first_of("<(");
  if (open == std::string::npos) return name;
  return name.substr(0, name[open] == '<' ? skip_brackets(name, open) : open);
}

std::string read_report(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error("can't read " + path.string());
  return text.str();
}

std::map<std::string, KernelReport> read_ptxas_log(const std::string& text) {
  std::map<std::string, KernelReport> reports;
  KernelReport* current = nullptr;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex("Compiling entry function '(\\w+)'"))) {
      current = &reports[short_kernel_name(match[1])];
    } else if (line.find("bytes stack frame") != std::string::npos && current) {
      current->stack_bytes = number_before(line, "bytes stack frame");
      current->spill_store_bytes = number_before(line, "bytes spill stores");
      current->spill_load_bytes = number_before(line, "bytes spill loads");
    } else if (line.find(" registers") != std::string::npos && current) {
      current->registers = number_before(line, "registers");
      current->static_shared_bytes = number_before(line, "bytes smem");
    }
  }
  for (const auto& [name, report] : reports)
    if (report.registers == 0) throw std::runtime_error("ptxas log lacks the registers of " + name);
  return reports;
}

void add_sass_counts(const std::string& text, std::map<std::string, KernelReport>& reports) {
  KernelReport* current = nullptr;
  std::istringstream lines(text);
  // "        /*0a50*/             @!P0 LDG.E.128 R4, ..." ; the encoding's second line has no offset.
  const std::regex instruction("^\\s+/\\*[0-9a-f]{4,}\\*/\\s+(?:@!?U?P\\d+\\s+|@!?U?PT\\s+)?([A-Z][A-Z0-9_]*)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (const size_t at = line.find("Function : "); at != std::string::npos) {
      const auto found = reports.find(short_kernel_name(line.substr(at + 11)));
      if (found == reports.end()) throw std::runtime_error("SASS of an unknown kernel: " + line);
      current = &found->second;
    } else if (current && std::regex_search(line, match, instruction)) {
      ++current->instructions[match[1] == "REDG" ? "RED" : match[1].str()];  // sm_90 renamed it
    }
  }
}

}  // namespace tern::kernels::test
