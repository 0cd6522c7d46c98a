// Errors that a user can cause and mend. Each says what went wrong, where, and what to do; the kind decides the
// program's exit code (mapped once, in apps/program.cpp). Broken invariants of our own use TERN_CHECK instead.
#pragma once

#include <stdexcept>
#include <string>

namespace tern {

enum class ErrorKind {
  usage,        // command line or configuration
  data,         // bad or missing data
  checkpoint,   // bad or missing checkpoint
  diverged,     // NaN or Inf in training
  distributed,  // rendezvous or collective failed
  out_of_memory,
};

// Process exit code of an error kind: 2 usage, 3 data, 4 checkpoint, 5 diverged, 6 distributed, 7 out of memory.
[[nodiscard]] int exit_code(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  // what: the defect ("value 12 is outside 0-9"); where: file, puzzle, key, step; fix: what the user can do (may be
  // empty). The message reads "what, where, fix".
  Error(ErrorKind kind, const std::string& what, const std::string& where = "", const std::string& fix = "");

  [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

[[noreturn]] void check_failed(const char* expression, const char* file, int line, const std::string& detail);

}  // namespace tern

// Invariant of this project's own code; a failure is a defect of Tern, never of its input.
#define TERN_CHECK(condition, detail)                                                 \
  do {                                                                                \
    if (!(condition)) ::tern::check_failed(#condition, __FILE__, __LINE__, (detail)); \
  } while (false)
