// Builds a Module: directives here, instructions in decode.cpp.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/kernels/ptx/module.h"
#include "tests/kernels/ptx/statements.h"

namespace tern::ptx {

class Parser {
 public:
  Module parse(const std::string& text);

  // For decode.cpp: the operands of the kernel that is being read.
  [[nodiscard]] Operand operand(const std::string& text) const;
  void branch_to(const std::string& label) { branches_.emplace_back(kernel_->code.size(), label); }

 private:
  void shared_variable(const Statement& statement);
  void begin_kernel(const Statement& statement);
  void declare_registers(const std::string& text);
  void body_statement(const Statement& statement);
  void end_kernel();
  [[nodiscard]] Operand address(const std::string& inside) const;

  Module module_;
  Kernel* kernel_ = nullptr;
  std::vector<std::unordered_map<std::string, int>> scopes_;  // registers, innermost block last
  std::unordered_map<std::string, int> labels_;
  std::unordered_map<std::string, uint64_t> shared_;
  std::string dynamic_shared_;  // name of the extern array
  std::vector<std::pair<size_t, std::string>> branches_;
};

// Decodes one instruction, guard included.
Instruction decode(Parser& parser, const Statement& statement);
Type parse_type(std::string_view text);  // Type::none if it isn't one

}  // namespace tern::ptx
