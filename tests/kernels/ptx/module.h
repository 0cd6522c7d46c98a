// A PTX file: its kernels and its static shared memory.
#pragma once

#include <map>
#include <string>

#include "tests/kernels/ptx/instruction.h"

namespace tern::ptx {

class Module {
 public:
  // Throws Fault on syntax or instructions that the interpreter doesn't know.
  static Module load(const std::string& path);
  static Module parse(const std::string& text);

  [[nodiscard]] bool has(const std::string& name) const { return kernels_.count(name) != 0; }
  [[nodiscard]] const Kernel& kernel(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, Kernel>& kernels() const { return kernels_; }
  // Bytes before dynamic shared memory, which starts 128-byte aligned. The same for all kernels of a file: their static
  // variables get addresses next to each other.
  [[nodiscard]] uint64_t static_shared_bytes() const { return static_shared_bytes_; }

 private:
  friend class Parser;
  std::map<std::string, Kernel> kernels_;
  uint64_t static_shared_bytes_ = 0;
};

}  // namespace tern::ptx
