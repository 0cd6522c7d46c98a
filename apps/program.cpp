#include "apps/program.h"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "base/error.h"

namespace tern {

namespace {

int report(const std::string& message, int code) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return code;
}

// Torch reports exhausted memory as a plain c10::Error; only its text tells, and it carries a stack trace after the
// first line that users should not see.
bool is_torch_out_of_memory(const std::string& what) {
  return what.find("not enough memory") != std::string::npos || what.find("can't allocate memory") != std::string::npos ||
         what.find("CUDA out of memory") != std::string::npos;
}

}  // namespace

int run_program(const std::function<int()>& body) {
  const std::string memory_fix = "lower global_batch_size or the model size, or free memory on this machine";
  try {
    return body();
  } catch (const Error& e) {
    return report(e.what(), exit_code(e.kind()));
  } catch (const std::bad_alloc&) {
    return report("out of memory, " + memory_fix, exit_code(ErrorKind::out_of_memory));
  } catch (const std::exception& e) {
    const std::string what = e.what();
    const std::string first_line = what.substr(0, what.find('\n'));
    if (is_torch_out_of_memory(what)) {
      return report("out of memory, " + first_line + ", " + memory_fix, exit_code(ErrorKind::out_of_memory));
    }
    return report(first_line, 1);
  }
}

}  // namespace tern
